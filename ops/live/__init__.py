"""The live stream: what changed, pushed to whoever may see it. The row is the truth; the stream is only news.

`ops.live.hub` holds the readers, `ops.live.source` looks for news, `ops.live.kinds` finds what can be pushed.
"""
