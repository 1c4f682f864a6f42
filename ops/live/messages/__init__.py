"""One pushed message per module, found by discovery; its statement lies beside it in a `.sql` file of the same name.

A statement `changed` gives one row per thing that changed: `id` and `version` (the same again is no news), `its_grid`
and `its_unit` (who may see it), and what the message is made of. It takes `since`, the snapshot of the last look: what
that did not see has an xmin of at least that. So nothing is missed, whatever the order of commits. Without `since` it
gives all that is live.
"""
