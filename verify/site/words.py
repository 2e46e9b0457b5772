"""Every word the site itself says, in both languages; pages and claims bring their own."""

from __future__ import annotations

import functools
import re
from pathlib import Path

# The sign before the word, so that a verdict reads without its colour; and the same sign inside a formula.
SIGNS = {
    "proved": "✓",
    "supported": "≈",
    "assumed": "†",
    "undecided": "?",
    "vacuous": "∅",
    "refuted": "✗",
    "stale": "↻",
}
TEX_SIGNS = {
    "proved": r"\checkmark",
    "supported": r"\approx",
    "assumed": r"\dagger",
    "undecided": "?",
    "vacuous": r"\varnothing",
    "refuted": r"\times",
    "stale": r"\circlearrowright",
}

_PAIRS: dict[str, tuple[str, str]] = {
    # verdicts
    "proved": ("proved", "已证明"),
    "supported": ("supported", "数值支持"),
    "refuted": ("refuted", "已否定"),
    "undecided": ("undecided", "未判定"),
    "assumed": ("assumed", "引用未验"),
    "vacuous": ("vacuous", "空洞"),
    "stale": ("stale", "已过期"),
    "proved.what": ("an exact normal form, in the dimensions named", "精确范式，并注明所覆盖的维数"),
    "supported.what": (
        "many-digit numbers at many points, or an experiment, agree with it",
        "在许多点上的高精度数值或实验与之相符",
    ),
    "assumed.what": ("cited, not checked", "仅引用，未检验"),
    "undecided.what": ("not settled; the reason is stated", "尚未判定，并说明原因"),
    "vacuous.what": (
        "its assumptions contradict each other, or a wrong variant passed",
        "假设互相矛盾，或有错误变体通过了检验",
    ),
    "refuted.what": ("numbers inside the declared domain contradict it", "声明域内的数值与之矛盾"),
    "stale.what": ("something it depends on has changed since it was judged", "判定之后其依赖项有变"),
    # routes
    "proof": ("proof", "证明"),
    "sampling": ("sampling", "数值取样"),
    "experiments": ("experiments", "实验"),
    # card
    "claim": ("claim", "论断"),
    "claims": ("claims", "论断"),
    "verdict": ("verdict", "结论"),
    "weakest": ("weakest upstream", "上游最弱"),
    "assumptions": ("Assumptions", "假设"),
    "steps": ("steps", "步"),
    "step": ("step", "步"),
    "as_read": ("as read by the machine", "机器读作"),
    "certificate": ("certificate", "证书"),
    "method": ("method", "方法"),
    "dimensions": ("dimensions", "维数"),
    "generators": ("generators", "生成元"),
    "relations": ("relations", "关系"),
    "conditions": ("side conditions", "附加条件"),
    "counterexample": ("counterexample", "反例"),
    "left": ("left side", "左边"),
    "right": ("right side", "右边"),
    "difference": ("difference lies in", "差落在"),
    "why": ("what was missing", "缺少什么"),
    "hint": ("a repair that is itself proved", "已证明的修正"),
    "mistakes": ("Mistakes", "常见错误"),
    "seen": ("seen in", "出处"),
    "evidence": ("Evidence", "证据"),
    "mutants": ("mutants", "变体"),
    "mutants.sentence": (
        "{0} of {1} small changes of the steps were tried: {2}.",
        "各步共有 {1} 处可做的微小改动，试了其中 {0} 处：{2}。",
    ),
    "comma": (", ", "，"),
    "equivalents": ("changes that mean the same", "含义相同的改动"),
    "survivors": ("changes that passed and should not", "本不该通过却通过的改动"),
    "mutant.refuted": ("{0} refuted", "{0} 处被否定"),
    "mutant.refused": ("{0} refused", "{0} 处被拒绝"),
    "mutant.equivalent": ("{0} equivalent", "{0} 处等价"),
    "mutant.undecided": ("{0} undecided", "{0} 处未判定"),
    "mutant.stopped": ("{0} stopped", "{0} 处中止"),
    "mutant.survived": ("{0} survived", "{0} 处存活"),
    "more": ("{0} more", "另有 {0} 项"),
    "checks": ("{0} comparisons", "{0} 项比较"),
    "prediction": ("prediction", "预测"),
    "predicted": ("predicted", "预测值"),
    "measured": ("measured", "测得"),
    "interval": ("interval", "区间"),
    "visible": ("would have been seen", "可察觉的偏差"),
    "variants": ("wrong variants", "错误变体"),
    "record": ("record", "记录"),
    "records": ("records", "记录"),
    "device": ("device", "设备"),
    "took": ("took", "用时"),
    "seed": ("seed {0}", "随机种子 {0}"),
    "confirmed": ("confirmed", "已证实"),
    "inconclusive": ("inconclusive", "未能断定"),
    "changed": ("changed since", "此后有改动"),
    "sees.sentence": (
        "Each check would have refuted what lies beyond the values in its last column with probability at least "
        "{0:g}; a right version fails any of them with probability at most {1:.1g}.",
        "凡超出末列所示取值者，每项检查都会以至少 {0:g} 的概率予以否定；"
        "正确的版本未能通过其中任何一项的概率至多为 {1:.1g}。",
    ),
    "sees.relative": ("a deviation of {0}", "{0} 的偏差"),
    "figure": ("figure", "图"),
    "not_run": ("not run yet", "尚未运行"),
    "seconds": ("{0} s", "{0} 秒"),
    "source": ("Source", "来源"),
    "uses": ("Uses", "依据"),
    "used_by": ("Used by", "被引用于"),
    "run_again": ("Run it again", "重新运行"),
    "copy": ("Copy", "复制"),
    "copied": ("Copied", "已复制"),
    "not_checked": ("nothing has judged it yet", "尚未检验"),
    "because": ("Not checked:", "未检验："),
    # tables
    "topic": ("topic", "主题"),
    "title": ("title", "标题"),
    "filter": ("Filter", "筛选"),
    "find": ("Find", "查找"),
    "all": ("all", "全部"),
    "shown": ("shown", "条显示"),
    "nothing": ("Nothing matches.", "没有匹配的条目。"),
    "of_all": ("{0} of {1}", "{0} / {1}"),
    "count": ("count", "数量"),
    "total": ("total", "合计"),
    "what": ("what", "项目"),
    "mistakes.count": ("mistakes", "常见错误"),
    "mutants.count": ("mutants", "变体"),
    "displays": ("displayed formulas outside any claim", "不属于任何论断的陈列公式"),
    "pages": ("page", "页面"),
    "asked": ("asked", "提出"),
    "kind": ("kind", "类型"),
    "state": ("state", "状态"),
    "What": ("What", "是什么"),
    "Why": ("Why", "为什么"),
    "How": ("How", "怎么做"),
    "open": ("open", "待答"),
    "discussed": ("discussed", "讨论中"),
    "answered": ("answered", "已答"),
    "rests_on": ("rests on", "依据论断"),
    # famous mistakes
    "slip": ("slip", "错误类型"),
    "slip.sign": ("sign", "符号"),
    "slip.factor": ("factor", "常数因子"),
    "slip.power": ("power or root", "幂或方根"),
    "slip.spread": ("deviation or variance", "标准差与方差"),
    "slip.alpha": ("alpha or alpha-bar", "α 与 ᾱ"),
    "slip.index": ("index", "下标"),
    "slip.swap": ("swapped", "互换"),
    "slip.term": ("term", "缺项或多项"),
    "slip.scale": ("scale", "尺度"),
    "slip.average": ("mean or sum", "均值与求和"),
    "slip.logarithm": ("logarithm", "对数"),
    "slip.time": ("time", "时间"),
    "slip.value": ("another quantity", "误用别的量"),
    "slip.dependence": ("dependence", "相关性"),
    "slip.domain": ("outside its assumptions", "超出适用条件"),
    "slip.overreach": ("more than is true", "言过其实"),
    "version.wrong": ("wrong", "错误版本"),
    "version.right": ("right", "正确版本"),
    "refuted_by": ("refuted by", "反例"),
    "nowhere": ("no place on record", "暂无出处记录"),
    "on_record": ("with a place where it was seen", "有出处记录"),
    "mistakes.of": ("Mistakes: {0}", "常见错误：{0}"),
    "here": ("Link to this mistake", "指向此错误的链接"),
    # learning paths
    "stage": ("stage", "阶段"),
    "minutes": ("{0} min", "{0} 分钟"),
    "hours": ("{0} steps, about {1} hours", "共 {0} 步，约 {1} 小时"),
    "first": ("first", "先学"),
    "also": ("also rests on", "另外依据"),
    "after": ("Assumes", "以此为前提："),
    "ask": ("Ask yourself", "自测"),
    "answer": ("answer", "答案"),
    "do": ("do", "动手"),
    "done": ("done", "已完成"),
    "done.what": ("Mark as done: {0}", "标记为已完成：{0}"),
    "progress": ("Progress", "进度"),
    "progress.count": ("{0} of {1} steps, {2} minutes to go", "已完成 {0} / {1} 步，还需 {2} 分钟"),
    "progress.clear": ("Clear the ticks", "清除标记"),
    # papers
    "equation": ("equation", "公式"),
    "equations": ("equations", "公式"),
    "paper": ("paper", "论文"),
    "coverage": ("coverage", "覆盖率"),
    "covered": ("{0} of {1} listed equations ({2} %)", "所列 {1} 个公式中的 {0} 个（{2} %）"),
    "not_covered": ("not covered:", "未覆盖："),
    "differs": ("differs:", "有出入："),
    "elsewhere": ("elsewhere in the paper", "论文的其他部分"),
    "remark": ("remark", "说明"),
    "experiment": ("experiment", "实验"),
    # ids that are no more
    "former": ("Former ids", "旧编号"),
    "former.renamed": ("This id has been renamed. What stood here is now at", "此编号已改名，原内容现在位于"),
    "former.retired": ("This id has been retired.", "此编号已撤下。"),
    "former.successor": ("In its place:", "取而代之："),
    "every": ("every d", "任意 d 维"),
    "scalar": ("scalar", "标量"),
}
TEXT: dict[str, dict[str, str]] = {
    language: {key: pair[place] for key, pair in _PAIRS.items()} for place, language in enumerate(("en", "zh"))
}

# The words of declarations (the claim language), longest first so that a phrase wins over
# its parts. Formulas between dollars are left alone.
DECLARATION_ZH: dict[str, str] = {
    "positive semidefinite matrix": "半正定矩阵",
    "positive definite matrix": "正定矩阵",
    "symmetric matrix": "对称矩阵",
    "matrix": "矩阵",
    "random with mean": "随机量，均值",
    "with mean": "，均值",
    "and covariance": "，协方差",
    "and variance": "，方差",
    "positive function": "正值函数",
    "vector function": "向量值函数",
    "vector sequence": "向量序列",
    "positive family": "正值函数族",
    "positive sequence": "正数列",
    "Wiener vector": "维纳向量过程",
    "sequence in": "数列，取值于",
    "index from": "指标，从",
    "random vector": "随机向量",
    "Rademacher vector": "Rademacher 向量",
    "nonnegative": "非负",
    "relation": "关系",
    "equation": "方程",
    "function": "函数",
    "sequence": "数列",
    "positive": "正",
    "density": "概率密度",
    "instance": "实例",
    "boundary": "边界上为零",
    "dimensions": "维数",
    "integer": "整数",
    "vector": "向量",
    "random": "随机量",
    "Wiener": "维纳过程",
    "count": "正整数",
    "family": "函数族",
    "joint": "联合密度",
    "index": "指标",
    "space": "空间变量",
    "real": "实数",
    "unit": "取值于 (0,1)",
    "SDE": "随机微分方程",
    "any": "任意",
    "and": "与",
    "by": "依据",
    "to": "到",
    "in": "取值于",
}
TOPICS_ZH: dict[str, str] = {
    "cm": "一致性模型",
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "edm": "EDM 设计空间",
    "fm": "流匹配",
    "gauss": "高斯代数",
    "graft": "嫁接",
    "guide": "引导",
    "ldm": "隐扩散",
    "mem": "记忆与泛化",
    "notation": "记号",
    "param": "参数化与权重",
    "rev": "逆向过程",
    "sched": "噪声时间表",
    "score": "得分函数",
    "sde": "随机微分方程",
    "solver": "采样器",
    "train": "训练",
    "vae": "变分自编码器",
    "vdm": "变分扩散模型",
}
# The phrases of which the judges make the description of a method.
METHODS_ZH: dict[str, str] = {
    r"normal form": "精确范式",
    r"stationary and convex": "驻点且凸",
    r"every d": "任意 d 维",
    r"scalar": "标量",
    r"interval enclosure of the gradient": "梯度的区间包围",
    r"for the declared instance": "（在声明的实例上）",
    r"interval enclosure": "区间包围",
    r"(\d+) drawn points?": r"\1 个随机点",
    r"no free variable, evaluated once": "无自由变量，计算一次",
    r"agreement to (\d+) of (\d+) digits": r"\2 位中有 \1 位一致",
    r"a relative deviation of ([\d.e+-]+) would have shown": r"\1 的相对偏差即可察觉",
    r"integrals and expectations by quadrature at two refinements": "积分与期望用两种加密程度的数值求积",
    r"the remainder over (h\^\d+) stays bounded from (\S+) to (\S+)": r"余项除以 \1 后从 \2 到 \3 保持有界",
}
# What a judge says of a step: how it may be repaired, or why it stayed undecided. Whole sentences.
FINDINGS_ZH: dict[str, str] = {
    r"the right side is (\$.*\$) times the left side": r"右边是左边的 \1 倍",
    r"the term (\$.*\$) has the wrong sign": r"\1 一项的符号写反了",
    r"the term (\$.*\$) of the right side is too much": r"右边多了 \1 一项",
    r"the term (\$.*\$) of the left side is missing on the right": r"右边少了左边的 \1 一项",
    r"a change of one symbol \(([A-Z-]+)\) mends the right side: (\$.*\$)": r"改动一个符号（\1）即可修正右边：\2",
    r"no boundary field can repair this": r"任何边界场都无法弥补",
    r"a sum or product of more than (\d+) terms": r"求和或连乘超过 \1 项",
    r"more than (\d+) evaluations at one point": r"在一点上求值超过 \1 次",
    r"a power is too large to evaluate": r"幂太大，无法求值",
    r"a limit is approached too slowly, or not at all, at a drawn point": r"在抽到的一点上，极限收敛太慢，或不收敛",
    r"a declared equation cannot be sampled, and the sides differ at a point where it need not hold": (
        r"所声明的方程无法取样；在它不必成立的一点上，两边不同"
    ),
    r"(\S+) solves a declared equation and is asked for at two times": r"式中出现了所声明方程的解 \1 在两个时刻的值",
}
_MATHS = re.compile(r"(\$[^$]*\$)")
_COMMA = re.compile(r"(?<=[一-鿿])\s*,\s*|\s*，\s*")  # not that of (0,1)


def declaration(line: str, language: str) -> str:
    """A declaration line in the reader's words; its formulas stay as they are."""
    if language != "zh":
        return line
    phrase = re.compile("|".join(rf"\b{re.escape(key)}\b" for key in sorted(DECLARATION_ZH, key=len, reverse=True)))
    return "".join(
        part if part.startswith("$") else _COMMA.sub("，", phrase.sub(lambda found: DECLARATION_ZH[found[0]], part))
        for part in _MATHS.split(line)
    )


@functools.cache
def glossary() -> dict[str, str]:
    """The reasons of `reasons.zh.txt`, English -> 中文; its first paragraph says what it is."""
    _, _, lines = (Path(__file__).parent / "reasons.zh.txt").read_text("utf-8").partition("\n\n")
    return dict(line.split(" = ", 1) for line in lines.splitlines() if line)


def reason(text: str) -> str:
    """A step's reason in 中文, '' when the glossary does not have it; the rule that it names needs no entry."""
    said, named = spoken(text), _RULE.fullmatch(text.strip())
    chinese = glossary().get(said, "")
    if named is None or (said and not chinese):
        return chinese
    rule = f"对 {named['count']} 用数学归纳法" if named["count"] else "由 " + named["claims"].replace(" and ", "、")
    return f"{chinese}，{rule}" if chinese else rule


def spoken(text: str) -> str:
    """A reason without the rule that it names at its end."""
    named = _RULE.fullmatch(text.strip())
    return (named["words"] or "") if named else text.strip()


_RULE = re.compile(
    r"(?:(?P<words>.*?),?\s+)?by (?:induction on (?P<count>\S+)|(?P<claims>[a-z]\S*\.\S+(?: and [a-z]\S*\.\S+)*))"
)


def finding(text: str) -> str:
    """What a judge says of a step, in 中文; '' for a sentence that is not known."""
    found = ((re.fullmatch(english, text), chinese) for english, chinese in FINDINGS_ZH.items())
    return next((match.expand(chinese) for match, chinese in found if match), "")


def method(text: str, language: str) -> str:
    """How a step was judged; a phrase that is not known keeps its English."""
    if language == "zh":
        for phrase, chinese in METHODS_ZH.items():
            text = re.sub(phrase, chinese, text)
        text = text.replace("; ", "；")
    return text
