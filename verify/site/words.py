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
    # training runs
    "run.seeds": ("seeds {}; the mean, and below it the least and the largest", "种子 {}；均值，其下为最小与最大值"),
    "run.measures": ("How good the samples are", "样本有多好"),
    "run.levels": ("Per dimension, by noise level", "每维，按噪声水平"),
    "run.heun": ("samples by Heun", "Heun 采样"),
    "run.ddim": ("samples by DDIM", "DDIM 采样"),
    "run.ddpm": ("samples by DDPM", "DDPM 采样"),
    "run.training images": ("training images", "训练图像"),
    "run.held-out images": ("held-out images", "留出图像"),
    "run.one Gaussian": ("one Gaussian", "单个高斯"),
    "run.Gaussian of each class": ("a Gaussian for each class", "逐类的高斯"),
    "run.energy": ("energy", "能量距离"),
    "run.confusion": ("confusion", "可分辨率"),
    "run.copies": ("copies", "复制度"),
    "run.legible": ("legible", "可辨认率"),
    "run.legend": (
        "energy: 0 is equal; confusion: 0.5 cannot be told apart; copies: 1 is new, 0 is memorised; "
        "legible: the five nearest images agree",
        "能量距离：0 为相等；可分辨率：0.5 为无法分辨；复制度：1 为全新，0 为背下；可辨认率：五个最近的图像同类",
    ),
    "run.sigma": ("σ", "σ"),
    "run.error": ("error", "误差"),
    "run.floor": ("floor", "下限"),
    "run.train": ("training loss", "训练损失"),
    "run.held_out": ("held-out loss", "留出损失"),
    "run.levels.legend": (
        "error: mean square distance from the exact denoiser of the training set; floor: the loss that this one leaves",
        "误差：与训练集精确去噪器的均方距离；下限：精确去噪器自身留下的损失",
    ),
    # card
    "claim": ("claim", "论断"),
    "claims": ("claims", "论断"),
    "verdict": ("verdict", "结论"),
    "weakest": ("weakest upstream", "所依据者中最弱"),
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
    "semicolon": ("; ", "；"),
    "colon": (": ", "："),
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
    "unrecorded": ("no fresh record from", "尚无最新记录的设备："),
    "device.cpu": ("the CPU", "CPU"),
    "device.cuda": ("a GPU (CUDA)", "GPU（CUDA）"),
    "sees.sentence": (
        "Each check would have refuted what lies beyond the values in its last column with probability at least "
        "{0:g}; a right version fails any of them with probability at most {1:.1g}.",
        "凡超出末列所示取值者，每项检查都会以至少 {0:g} 的概率予以否定；"
        "正确的版本未能通过其中任何一项的概率至多为 {1:.1g}。",
    ),
    "sees.sure": (
        "Nothing is sampled in these checks: whatever lies beyond the values in the last column is refuted.",
        "这些检查不含抽样：凡超出末列所示取值者，一律予以否定。",
    ),
    "power.all": ("Each check refuses at least one of the wrong versions.", "每一项检验都拒绝了至少一种错误写法。"),
    "power.some": (
        "Of these checks {} refuse at least one of the wrong versions; none of them is refused by:",
        "这些检验中有 {} 项拒绝了至少一种错误写法；下列各项没有拒绝任何一种：",
    ),
    "order.sentence": (
        "An order of convergence is computed and not sampled, and no probability is stated for it. The interval holds "
        "it if the error of the local orders falls by a quarter or more from each step size to the next, which is "
        "assumed and not proved.",
        "收敛阶是算出来的，不是抽样得来的，没有相应的概率。若步长每缩小一级，局部阶的误差至少减少四分之一，"
        "则区间必含真实的阶；这一条件是假设，未加证明。",
    ),
    "sees.relative": ("a deviation of {0}", "{0} 的偏差"),
    "figure": ("figure", "图"),
    "not_run": ("not run yet", "尚未运行"),
    "seconds": ("{0} s", "{0} 秒"),
    "source": ("Source", "来源"),
    "uses": ("Uses", "依据"),
    "read_first": ("Read first", "先读"),
    "used_by": ("Used by", "被引用于"),
    "copy": ("Copy", "复制"),
    "copied": ("Copied", "已复制"),
    "copy.link": ("link", "链接"),
    "copy.latex": ("LaTeX", "LaTeX"),
    "copy.citation": ("BibTeX", "BibTeX"),
    "copy.command": ("command", "命令"),
    "feed.questions": ("new questions", "新问题"),
    "feed.verdicts": ("changed verdicts", "结论变更"),
    "feed.removed": ("removed", "已移除"),
    "copy.text": ("as text", "显示原文"),
    # notation
    "notation": ("Notation", "记号"),
    "notation.own": ("as written", "原文"),
    "notation.edm": ("EDM", "EDM"),
    "notation.ddpm": ("DDPM", "DDPM"),
    "notation.vp": ("VP SDE", "VP SDE"),
    "notation.vdm": ("VDM", "VDM"),
    "notation.flow": ("flow matching", "流匹配"),
    "notation.others": ("In other notations", "换用其他记号"),
    "notation.with": ("with", "其中"),
    "notation.and": (", ", "，"),
    "notation.by_hand": ("written by hand, and checked", "人工书写，经检验"),
    "notation.page": ("How the notations correspond", "各种记号的对应"),
    "notation.none": ("In its own notation.", "本条使用自己的记号。"),
    "names.table": ("EDM's names in the letters of each notation", "EDM 的各个量在每种记号下的写法"),
    "names.back": ("The letters of each notation in EDM's names", "每种记号的字母用 EDM 的量表示"),
    "names.letter": ("letter", "字母"),
    "names.edm": ("in EDM's names", "用 EDM 的记号"),
    "names.level": ("noise level", "噪声水平"),
    "names.noisy": ("noisy point, not scaled", "含噪点（未缩放）"),
    "names.clean": ("clean point", "干净点"),
    "names.denoiser": ("denoiser", "去噪器"),
    "names.signal": ("signal coefficient", "信号系数"),
    "names.spread": ("noise coefficient", "噪声系数"),
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
    "displays": ("displayed formulas outside any claim", "不属于任何论断的行间公式"),
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
    # bibliography
    "shelf.paper": ("Papers and books", "论文与书"),
    "shelf.tutorial": ("Tutorials, surveys and blogs", "教程、综述与博客"),
    "shelf.lecture": ("Lectures and talks", "课程与报告"),
    "shelf.code": ("Code and courses with code", "代码与附代码的课程"),
    "shelf.list": ("Lists", "清单"),
    "supports": ("claims", "相关论断"),
    "known_errors": ("known errors and differences", "已知错误与差异"),
    "by_equation": ("equation by equation", "逐个公式对照"),
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
    # graph
    "defined.names": ("Standard names", "标准记号"),
    "defined.as": ("{}: the standard definition of {}", "{}：{}的标准定义"),
    "defined.own": ("Names of its own", "自定记号"),
    "defined.differs": ("differs from the standard definition of {}", "与“{}”的标准定义不同"),
    "defined.numbers": ("at one point {} here, {} there", "在某一点上此处为 {}，标准定义为 {}"),
    "defined.conventions": ("other conventions", "其他约定"),
    "defined.letters": ("in other letters", "另一套记号"),
    "defined.for": ("for", "即"),
    "defined.stated": ("stated by", "见"),
    "defined.used": ("defined so in", "如此定义于"),
    "defined.wrong": ("known wrong versions: {}", "已知的错误版本：{}"),
    "graph.map": ("Map of all claims", "全部论断的关系图"),
    "graph.around": ("Around this claim", "此论断的上下游"),
    "graph.counts": ("rests on {0}, {1} rest on it", "依据 {0} 条，被 {1} 条依据"),
    "graph.in_all": ("in the map of all claims", "在全图中查看"),
    "graph.zoom": ("Zoom", "缩放"),
    "graph.zoom.in": ("Zoom in", "放大"),
    "graph.zoom.out": ("Zoom out", "缩小"),
    "graph.zoom.fit": ("Whole map", "显示全图"),
    "graph.chosen": ("Chosen claim", "所选论断"),
    "graph.hint": (
        "Choose a claim: here stands what it rests on, and what falls if it falls. On the map the arrow keys move, "
        "Enter chooses, + and − zoom, Escape lets go.",
        "选取一条论断，此处即列出它的依据，以及它一旦不成立会随之失效的论断。"
        "在图上可用方向键移动，回车选取，+ 与 − 缩放，Esc 取消。",
    ),
    "graph.start": ("Most rests on:", "被依据最多的："),
    "graph.show": ("Show", "显示"),
    "graph.near": ("neighbours", "相邻"),
    "graph.above": ("rests on, in all", "全部依据"),
    "graph.below": ("falls with it", "随之失效"),
    "graph.first": ("to read first, in all", "先读，全部"),
    "graph.none": ("None.", "无。"),
    "graph.let_go": ("Let go", "取消选取"),
    "graph.step": ("step", "步骤"),
    "graph.step.what": ("a step of the claim at the tip quotes the other", "箭头所指论断的某一步引用了另一条"),
    "graph.premise": ("premise", "前提"),
    "graph.premise.what": ("an equation that it declares is taken from the other", "它声明的方程取自另一条"),
    "graph.words": ("in words", "文字"),
    "graph.words.what": (
        "one of the two is stated in words; the author names the other",
        "其一以文字陈述，由作者指明另一条",
    ),
    "graph.after": ("read first", "先读"),
    "graph.after.what": (
        "the claim at the tip builds on the other in the field; no verdict depends on it",
        "理论上箭头所指论断建立在另一条之上；结论与此无关",
    ),
    "graph.falls": ("What falls if this falls", "若此条不成立，何者随之失效"),
    "graph.falls.what": (
        "Every claim on which others rest, and every one that is neither proved nor supported. The nearest come first.",
        "凡被其他论断依据者，以及既未证明也无数值支持者，均列于此；距离近者在前。",
    ),
    "graph.left_out": (
        "{0} more; each card has its own neighbourhood, and graph.json has them all.",
        "另有 {0} 条；各论断的卡片上有各自的上下游，全部数据见 graph.json。",
    ),
    "graph.number": ("number", "条数"),
    "graph.every": ("Every claim", "全部论断"),
    "graph.topic": ("{0}, {1} claims", "{0}，{1} 条"),
    "graph.more": ("{0} more", "另有 {0} 条"),
    # explorers
    "explorer.controls": ("Settings", "设置"),
    "explorer.more": ("More settings", "更多设置"),
    "explorer.reset": ("Reset", "复位"),
    "explorer.play": ("Play", "播放"),
    "explorer.stop": ("Stop", "停止"),
    "explorer.claims": ("The claims behind it", "所依据的论断"),
    "explorer.still": (
        "Without scripts the pictures stand still, at the first settings.",
        "脚本已停用，图形停留在初始设置。",
    ),
    "explorer.shared": (
        "The address keeps your settings: a copy of it shows the same pictures.",
        "设置保存在网址中，复制网址即可分享同一画面。",
    ),
    # playground
    "playground.try": ("Try it", "试一试"),
    "playground.try.what": ("edit and judge it in the playground", "在试验场中修改并判定"),
    "playground.controls": ("What to judge, and how", "判定什么，如何判定"),
    "playground.example": ("Start from", "从示例开始"),
    "playground.example.right": ("a right derivation", "正确的推导"),
    "playground.example.wrong": ("a wrong one", "错误的推导"),
    "playground.example.unreadable": ("one that cannot be read", "无法读懂的推导"),
    "playground.example.question": ("a question", "一个疑问"),
    "playground.is-it": ("Is it so: {0}?", "是这样吗：{0}？"),
    "playground.follow": ("judge while I type", "边写边判定"),
    "playground.run": ("Run", "判定"),
    "playground.stop": ("Stop", "停止"),
    "playground.share": ("Link to this text", "生成此文本的链接"),
    "playground.link": ("The link, to copy:", "链接，可复制："),
    "playground.shared": ("The link is in the address bar, and copied where the browser allows it.",
                          "链接已写入地址栏；浏览器允许时也已复制。"),
    "playground.contribute": ("Open as a contribution", "作为贡献提交"),
    "playground.contribute.where": ("Put this text into", "把下面的文本放进"),
    "playground.contribute.source": (
        "Choose an id, name the source (paper and equation), and add a wrong version that you have seen.",
        "取一个编号，注明出处（论文与公式号），并添上一个你见过的错误写法。",
    ),
    "playground.contribute.check": ("Judge it with all its variants:", "连同全部变体一起判定："),
    "playground.contribute.guide": ("Your first claim, step by step", "第一条论断，逐步说明"),
    "playground.copy": ("Copy the text", "复制文本"),
    "playground.source": ("Derivation", "推导"),
    "playground.result": ("As typed, and as judged", "原样与结论"),
    "playground.idle": (
        "Press Run. The first time, Python and SymPy are loaded from this site, which takes a while; nothing is sent.",
        "按“判定”开始。首次运行会从本站载入 Python 与 SymPy，体积较大；内容不会发送到任何地方。",
    ),
    "playground.loading": ("Loading", "载入中"),
    "playground.loading.python": ("Loading Python", "正在载入 Python"),
    "playground.loading.archives": ("Unpacking SymPy and the verifier", "正在解包 SymPy 与检验程序"),
    "playground.loading.modules": ("Reading the modules of the prover: {0}", "正在读入证明程序的模块：{0}"),
    "playground.judging": ("Judging", "正在判定"),
    "playground.so-far": ("Steps judged so far", "已判定的步骤"),
    "playground.judged-so-far": ("Judging; steps so far: {0}", "正在判定，已完成步数：{0}"),
    "playground.judged": ("Judged in {0} s.", "判定用时 {0} 秒。"),
    "playground.stopped": ("Stopped. The next run starts Python again.", "已停止。下次判定会重新启动 Python。"),
    "playground.too-slow": (
        "Stopped after {0} s. What was judged until then is shown; verify check on your own machine has more time.",
        "超过 {0} 秒，已停止。此前的结论已列出；在自己的机器上用 verify check 可有更多时间。",
    ),
    "playground.too-long": (
        "The text has {0} characters; the playground takes {1}. Use verify check for longer ones.",
        "文本有 {0} 个字符，试验场至多接受 {1} 个。更长的文本请用 verify check。",
    ),
    "playground.empty": ("There is nothing to judge yet.", "还没有可判定的内容。"),
    "playground.no-claim": (
        "No claim was found. A claim begins with a line  /// claim | topic.name  and ends with a line  ///",
        "没有找到论断。论断以一行  /// claim | topic.name  开始，以一行  ///  结束。",
    ),
    "playground.bad-link": (
        "The link does not hold a text that can be read, so it was left out.",
        "链接中没有可读的文本，已忽略。",
    ),
    "playground.no-such-claim": ("There is no claim {0} here.", "这里没有论断 {0}。"),
    "playground.needs-server": (
        "A page opened from a folder cannot load Python. Serve the site (verify site serve), or use verify check.",
        "从文件夹打开的页面无法载入 Python。请运行 verify site serve，或使用 verify check。",
    ),
    "playground.failed": ("Python stopped, which is our fault: {0}", "Python 意外停止，这是我们的错误：{0}"),
    "playground.not-loaded": ("A file could not be loaded: {0}. Press Run to try again.",
                              "有文件未能载入：{0}。请再按“判定”重试。"),
    "playground.fault": ("Our fault, not yours", "这是我们的错误，与你的推导无关"),
    "playground.line": ("line {0}", "第 {0} 行"),
    "playground.place": ("line {0}, column {1}", "第 {0} 行第 {1} 列"),
    "playground.errors": ("What could not be read", "未能读懂之处"),
    "playground.help": ("help:", "建议："),
    "playground.goto": ("Go to {0}", "转到{0}"),
    "playground.first-wrong": ("the first wrong step: {0}", "第一个错误的步骤：{0}"),
    "playground.rests": ("It rests on", "它依据"),
    "playground.no-script": (
        "The playground needs JavaScript. Without it, judge a file of your own on your machine:",
        "试验场需要 JavaScript。没有它时，请在自己的机器上判定文件：",
    ),
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
    "app": "应用",
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
    r"sign of the normal form": "范式的符号",
    r"normal form": "精确范式",
    r"by induction on (\S+), then ": r"对 \1 用数学归纳法，再用",
    r"integrate by parts, then ": "分部积分，再用",
    r"by ((?:[a-z]\S*\.\S+ and )*[a-z]\S*\.[^\s,]+), then ": r"由 \1，再用",
    r"certified inequality": "严格证明的不等式",
    r"leading term of the expansion": "展开式的首项",
    r"Euler operator": "Euler 算子",
    r"functions that solve the declared equations near one time": "取在一个时刻附近满足所声明方程的函数",
    r"stationary and convex": "驻点且凸",
    r"every d": "任意 d 维",
    r"scalar": "标量",
    r"interval enclosure of the gradient": "梯度的区间包围",
    r"for the declared instance": "（在声明的实例上）",
    r"interval enclosure": "区间包围",
    r"(\d+) drawn points?": r"\1 个随机点",
    r"no free variable, evaluated once": "无自由变量，计算一次",
    r"evaluated in (\d+) digits": r"以 \1 位数字计算",
    r"(?<!a )relative deviation ([\d.e+-]+)": r"相对偏差 \1",
    r"agreement to (\d+) of (\d+) digits": r"\2 位中有 \1 位一致",
    r"a relative deviation of ([\d.e+-]+) would have shown": r"\1 的相对偏差即可察觉",
    r"integrals and expectations by quadrature at two refinements": "积分与期望用两种加密程度的数值求积",
    r"the remainder over (\S+) stays bounded from (\S+) to ([^\s;]+)": r"余项除以 \1 后从 \2 到 \3 保持有界",
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
    r"the sides are equal at a point, as far as can be seen": "在某一点上，就数值所见两边相等",
    r"the sides come so close at a point that numbers do not tell whether they are equal": (
        "两边在某一点上极为接近，数值无法判断是否相等"
    ),
    r"an integral under a limit: a quadrature does not see what narrows to a point": (
        "极限号下有积分：数值求积看不到收缩到一点的部分"
    ),
    r"nothing is known of (\S+) far away": r"\1 在远处的行为未知",
    r"a side of the proportion is zero at a drawn point": "在抽到的一点上，正比式的一边为零",
}
_MATHS = re.compile(r"(\$[^$]*\$)")
_FULL = {",": "，", ":": "：", ";": "；"}
_MARK = re.compile(r"(?<=[一-鿿”）])([,:;]) ?")
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


def full_width(text: str) -> str:
    """Chinese text with the comma, colon or semicolon after a Chinese character as Chinese sets it."""
    return _MARK.sub(lambda found: _FULL[found[1]], text)


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
        text = full_width(text).replace("; ", "；").replace(" and ", "、")
    return text
