"""Names of roads: a word each, numbered when several lanes share one, as towns do it."""

from ops.town.synthesis.layout import Layout


def _listed(words: str) -> list[str]:
    return words.split()


_WORDS = _listed(
    "槐花 井水 豆腐 铁匠 染坊 灯笼 书院 文庙 城隍 盐仓 米市 布市 竹器 油坊 酒坊 茶亭 花市 鱼市 草市 石板 青砖 "
    "柳荫 桂花 银杏 香樟 枇杷 石榴 枣树 梧桐 皂角 白果 双井 半边 半月 扁担 箭道 校场 鼓楼 驿站 渡口 码头 船厂 "
    "纸坊 磨坊 药王 财神 观音 太平 永安 永兴 仁和 义和 同心 协力 和睦 向阳 朝阳 晨光 晚霞 春晖 秋实 金谷 丰收 "
    "稻香 麦浪 菜园 果园 橘林 桃林 梅园 兰亭 菊坡 荷塘 藕池 水车 石碾 晒场 粮站 机修 轴承 纺织 印刷 农机 建材 "
    "学苑 育才 启智 健康 文化 体育 青年 劳动 团结 友谊"
)
_HAMLETS = _listed(
    "马家冲 李家湾 王家畈 陈家坡 周家岗 吴家坪 郑家垭 赵家台 孙家沟 胡家湾 朱家垄 高家坡 林家冲 何家畈 郭家岗 "
    "罗家坪 梁家垭 宋家台 唐家沟 许家湾 邓家冲 韩家畈 冯家坡 曹家岗 彭家坪 曾家垭 肖家台 田家沟"
)
_SUFFIX = {"street": "街", "lane": "巷", "track": "村道"}
_NUMERALS = "一二三四五六七八九"


def name_roads(layout: Layout) -> dict[int, str]:
    """A name for each line that is a road, by line number."""
    names = dict(layout.names)
    used = {"street": 0, "lane": 0, "track": 0}
    unnamed = [line for line in layout.mesh.lines if line.kind in used and line.number not in names]
    totals = {kind: sum(1 for line in unnamed if line.kind == kind) for kind in used}
    for line in unnamed:
        words = _HAMLETS if line.kind == "track" else _WORDS
        start = 40 if line.kind == "lane" else 0  # so that streets and lanes do not all share their words
        each = -(-totals[line.kind] // len(words))  # how many roads share a word
        word, number = divmod(used[line.kind], each)
        used[line.kind] += 1
        numeral = _NUMERALS[number] if each > 1 else ""
        names[line.number] = words[(start + word) % len(words)] + numeral + _SUFFIX[line.kind]
    return names
