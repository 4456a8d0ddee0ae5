"""Which words name what goes wrong? A seed list in Chinese and English, where there are no labels.

It is a list that somebody wrote, and no more than that: a word says what a clause is about, and the
model whether that clause complains. Where the operator has labelled texts, a scale that was trained
on them reads the class instead.
"""

import re
from collections.abc import Iterator

from schemas.reading import Issue

_CHINESE: dict[Issue, str] = {
    "quality": (
        "质量 做工 材质 面料 坏 烂 破 裂 碎 断 掉色 褪色 掉漆 起球 开线 线头 异味 臭 味道"
        " 瑕疵 划痕 次品 残次 劣质 假货 假的 正品 山寨 翻新 二手 故障 死机 黑屏 花屏 卡顿 很卡"
        " 太卡 发热 发烫 漏水 漏电 不耐用 新鲜 变质 过期 发霉 不能用 用不了 不好用 没反应"
        " 充不进 盗版 错别字 印刷 难吃 不好吃"
    ),
    "delivery": (
        "物流 快递 发货 送货 配送 到货 收货 运输 派送 送达 包装 包裹 少发 漏发 发错 没收到"
        " 没有收到 未收到 送错 迟迟 等了 延迟 签收 送上门 送到"
    ),
    "price": (
        "价格 价钱 价位 太贵 很贵 好贵 贵了 偏贵 不值 降价 涨价 便宜 性价比 差价 补差 保价"
        " 划算 坑钱 多收 收费 乱收费 优惠 运费 浪费钱"
    ),
    "service": (
        "服务 客服 态度 售后 退货 退款 换货 卖家 店家 商家 店主 前台 服务员 投诉 不理 没人理"
        " 回复 推卸 维修 保修 发票 敷衍 咨询"
    ),
    "size": (
        "尺码 尺寸 大小 号码 码数 偏大 偏小 太大 太小 大了 小了 偏长 偏短 太长 太短 太肥 太紧"
        " 太松 太瘦 紧了 不合身 不合脚 个头 挤脚 勒"
    ),
}
# With ``*`` any ending will do.
_ENGLISH: dict[Issue, str] = {
    "quality": (
        "quality broke* broken break* defect* fault* crack* leak* flims* cheaply tear* tore"
        " torn rip* scratch* peel* fade* fading stain* smell* stink* fake counterfeit durab*"
        " material fabric work* malfunction* fell_apart falls_apart fall_apart stopped dead"
        " rust* mold* mould* rotten stale expired junk garbage seam* stitch* damaged used"
    ),
    "delivery": (
        "deliver* ship* shipping shipment arriv* courier parcel package* packaging late"
        " delay* lost tracking dispatch* post postage never_came wrong_item missing transit"
        " carrier"
    ),
    "price": (
        "price* pricey expensive overpriced cost* money value worth charge* cheaper discount*"
        " refund_amount fee fees rip-off"
    ),
    "service": (
        "service support staff customer_service rude repl* respon* refund* return* exchange*"
        " seller agent* helpdesk hotline complain* warranty ignored unhelpful answer* email*"
        " phone_line"
    ),
    "size": (
        "size* sizing fit* fits small* large* tight* loose* too_big too_long too_short"
        " too_narrow too_wide narrow baggy runs_small runs_large inches waist sleeve*"
    ),
}  # fmt: skip


def _english(word: str) -> str:
    text = re.escape(word.rstrip("*")).replace("_", r"\s+")
    return rf"\b{text}" if word.endswith("*") else rf"\b{text}\b"


def _pattern() -> re.Pattern[str]:
    groups = []
    for issue, words in _CHINESE.items():
        # The longest first: of "too small" and "small" the first one that fits is taken.
        names = sorted(words.split(), key=len, reverse=True)
        others = sorted(_ENGLISH[issue].split(), key=len, reverse=True)
        groups.append(f"(?P<{issue}>{'|'.join([*names, *map(_english, others)])})")
    # A set of first characters is looked at before 200 words are tried one by one: 4 times as fast.
    every = " ".join([*_CHINESE.values(), *_ENGLISH.values()]).split()
    firsts = "".join(sorted({word[0] for word in every}))
    return re.compile(f"(?=[{re.escape(firsts)}])(?:{'|'.join(groups)})")


_WORDS = _pattern()
_CLAUSES = re.compile(r"[,.!?;:~…、。·()\n]+|\bbut\b|但是?|不过|就是|可惜")


def mentions(text: str) -> Iterator[tuple[Issue, str]]:
    """What a prepared text is about, clause by clause.

    >>> list(mentions("color is nice, but it arrived late"))
    [('delivery', ' it arrived late')]
    """
    for clause in _CLAUSES.split(text):
        for issue in dict.fromkeys(it.lastgroup for it in _WORDS.finditer(clause)):
            yield issue, clause  # type: ignore[misc]
