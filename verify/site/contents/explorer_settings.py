"""The explorers as data: what a reader can set, within which bounds, what the pictures say, and which claims they show.

The pictures themselves are in docs/assets/explorers; they are given the settings by these names and the words by these
keys. A choice is one of `options`, whose words the pictures use too; any other setting is a number in [low, high].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Text = Mapping[str, str]  # by language: "en" and "zh"


def text(english: str, chinese: str) -> Text:
    return {"en": english, "zh": chinese}


@dataclass(frozen=True)
class Setting:
    """One control. `more` folds it away; `play` gives it a button that moves it from low to high."""

    name: str
    label: Text
    value: str | float
    options: Mapping[str, Text] = field(default_factory=dict)
    low: float = 0.0
    high: float = 0.0
    step: float = 1.0
    more: bool = False
    play: bool = False


@dataclass(frozen=True)
class Explorer:
    """One page's explorer: the scripts after the shared ones, the controls, the words of the pictures, the claims."""

    name: str
    scripts: tuple[str, ...]
    settings: tuple[Setting, ...]
    words: Mapping[str, Text]
    claims: tuple[str, ...]

    def defaults(self) -> dict[str, str | float]:
        return {setting.name: setting.value for setting in self.settings}

    def said(self, language: str) -> dict[str, str]:
        """The words in one language, those of the options among them."""
        options = {key: words for setting in self.settings for key, words in setting.options.items()}
        return {key: words[language] for key, words in {**options, **self.words}.items()}


FAMILIES = {
    "vp-linear": text("VP, linear rate", "VP（线性噪声率）"),
    "cosine": text("cosine", "余弦"),
    "ve": text("VE, geometric", "VE（几何）"),
    "edm": text("EDM (Karras)", "EDM（Karras）"),
    "sub-vp": text("sub-VP", "sub-VP"),
    "flow-matching": text("flow matching", "流匹配"),
}
DRAWS = {
    "uniform": text("time uniform", "时间均匀"),
    "normal": text("log-normal levels", "对数正态噪声水平"),
}
STEP = text("step i", "第 i 步")
LEVEL = text("noise level σ/α", "噪声水平 σ/α")

SCHEDULES = Explorer(
    "schedules",
    ("schedules.js", "view-schedules.js"),
    (
        Setting("first", text("A: path", "A：路径"), "cosine", FAMILIES),
        Setting("first_shift", text("A: levels multiplied by", "A：噪声水平乘以"), 1.0, low=0.25, high=8, step=0.25),
        Setting("first_draws", text("A: training draws", "A：训练取样"), "uniform", DRAWS),
        Setting("second", text("B: path", "B：路径"), "edm", FAMILIES),
        Setting("second_shift", text("B: levels multiplied by", "B：噪声水平乘以"), 1.0, low=0.25, high=8, step=0.25),
        Setting("second_draws", text("B: training draws", "B：训练取样"), "normal", DRAWS),
        Setting("steps", text("steps N", "步数 N"), 18.0, low=4, high=64),
        Setting(
            "p_mean", text("mean of ln σ in training", "训练中 ln σ 的均值"), -1.2, low=-3, high=3, step=0.1, more=True
        ),
        Setting("p_std", text("deviation of ln σ", "ln σ 的标准差"), 1.2, low=0.2, high=3, step=0.1, more=True),
        Setting("rho", text("exponent ρ (EDM)", "指数 ρ（EDM）"), 7.0, low=1, high=15, step=0.5, more=True),
        Setting(
            "sigma_min",
            text("smallest σ (EDM, VE)", "最小 σ（EDM、VE）"),
            0.002,
            low=0.001,
            high=0.1,
            step=0.001,
            more=True,
        ),
        Setting("sigma_max", text("largest σ (EDM, VE)", "最大 σ（EDM、VE）"), 80.0, low=5, high=160, more=True),
        Setting("beta_min", text("β at t = 0 (VP)", "t = 0 处的 β（VP）"), 0.1, low=0.05, high=2, step=0.05, more=True),
        Setting("beta_max", text("β at t = 1 (VP)", "t = 1 处的 β（VP）"), 20.0, low=4, high=40, step=0.5, more=True),
        Setting("offset", text("offset s (cosine)", "偏移 s（余弦）"), 0.008, low=0, high=0.05, step=0.001, more=True),
    ),
    {
        "look": text(
            "A schedule is what it does to logSNR. Look at the second picture: where a curve of the first is steep, "
            "training with uniform times sees little; then at the last one, where equal steps of time become very "
            "unequal steps of noise. Multiplying the levels moves a whole curve down and changes nothing else.",
            "时间表的作用全在对数信噪比上。先看第二幅图：第一幅图的曲线在哪里陡，时间均匀的训练在哪里就见得少；再看最后一幅："
            "时间上的等步长，换成噪声水平就很不均匀。噪声水平乘以一个常数，只是把整条曲线下移，别的都不变。",
        ),
        "plane_title": text("The path in the plane of signal and noise", "信号与噪声平面上的路径"),
        "time": text("time t (data at 0, noise at 1)", "时间 t（0 为数据，1 为噪声）"),
        "logsnr": text("logSNR = 2 ln(α/σ)", "对数信噪比 2 ln(α/σ)"),
        "logsnr_title": text("logSNR against time", "对数信噪比随时间的变化"),
        "density": text("density", "密度"),
        "density_title": text("What training sees: density of logSNR", "训练所见：对数信噪比的密度"),
        "alpha": text("signal α", "信号系数 α"),
        "alpha_title": text("Signal against time", "信号系数随时间的变化"),
        "sigma": text("noise σ", "噪声系数 σ"),
        "sigma_title": text("Noise against time", "噪声系数随时间的变化"),
        "step": STEP,
        "level": LEVEL,
        "steps_title": text("Where the steps of a sampler lie", "采样步的位置"),
        "values": text("In numbers", "数值"),
        "start": text("logSNR at the noisy end", "噪声端的对数信噪比"),
        "end": text("logSNR at the clean end", "数据端的对数信噪比"),
        "even": text("time of σ = α", "σ = α 的时刻"),
        "draws": text("training", "训练"),
        "highest": text("first level", "首个水平"),
        "lowest": text("last level", "末个水平"),
        "above": text("levels above 1", "大于 1 的水平数"),
    },
    (
        "sched.logsnr-linear-vp",
        "sched.cosine",
        "sched.karras",
        "sched.cond-ot",
        "sched.shift",
        "sched.logit-normal",
        "sde.ve-kernel",
        "sde.subvp-kernel",
        "edm.noise-distribution",
        "edm.time-steps",
    ),
)

TRAJECTORIES = Explorer(
    "trajectories",
    ("schedules.js", "mixture.js", "samplers.js", "view-trajectories.js"),
    (
        Setting("dimensions", text("dimensions", "维数"), "1", {"1": text("one", "一维"), "2": text("two", "二维")}),
        Setting(
            "sampler",
            text("sampler", "采样器"),
            "heun",
            {
                "euler": text("Euler = DDIM", "Euler = DDIM"),
                "heun": text("Heun", "Heun"),
                "dpmpp2m": text("DPM-Solver++(2M)", "DPM-Solver++(2M)"),
                "ddim-1": text("DDIM, η = 1 (DDPM)", "DDIM，η = 1（DDPM）"),
                "euler-maruyama": text("Euler–Maruyama, reverse SDE", "Euler–Maruyama（逆向 SDE）"),
                "churn": text("Heun with churn", "Heun 加 churn"),
            },
        ),
        Setting("steps", text("steps N", "步数 N"), 18.0, low=3, high=64),
        Setting("rho", text("exponent ρ of the grid", "网格指数 ρ"), 7.0, low=1, high=15, step=0.5),
        Setting("churn", text("churn (with churn only)", "churn 强度（仅用于 churn）"), 8.0, low=0, high=40),
        Setting(
            "label",
            text("class", "类别"),
            "-1",
            {"-1": text("none", "无"), "0": text("left", "左"), "1": text("right", "右")},
        ),
        Setting("scale", text("guidance scale s", "引导系数 s"), 1.0, low=0, high=6, step=0.25),
        Setting("seed", text("seed", "随机种子"), 1.0, low=0, high=99),
        Setting("at", text("how far, in %", "进度（%）"), 100.0, low=0, high=100, play=True),
    ),
    {
        "look": text(
            "The denoiser is exact, so what the histogram lacks is the sampler's fault, or guidance's. Lower the steps "
            "until the two disagree, and compare samplers at equal evaluations. Then choose a class and raise s above "
            "one: the points leave the class's law, and do not follow the tilted one either.",
            "去噪器是精确的，所以直方图与密度若不相符，错在采样器，或错在引导。减少步数，直到两者分离，再在相同求值次数下比较各采样器。"
            "然后选一个类别，把 s 调到一以上：样本既离开了该类别的分布，也不服从幂次倾斜后的分布。",
        ),
        "step": STEP,
        "here": text("step {0} of {1}, σ = {2}", "第 {0} / {1} 步，σ = {2}"),
        "place": text("x/√(1+σ²)", "x/√(1+σ²)"),
        "place_1": text("first coordinate, x/√(1+σ²)", "第一坐标 x/√(1+σ²)"),
        "place_2": text("second coordinate", "第二坐标"),
        "traces": text("trajectories", "轨迹"),
        "traces_title": text("Trajectories on the noisy densities", "加噪密度上的轨迹"),
        "plane_title": text("Density and points, {0}", "密度与样本：{0}"),
        "points": text("points", "样本点"),
        "histogram": text("sampled", "采样所得"),
        "histogram_title": text("Histogram, {0}", "直方图：{0}"),
        "exact_density": text("exact density", "精确密度"),
        "tilted_traces": text("Trajectories on the tilted densities", "倾斜密度上的轨迹"),
        "tilted_plane": text("Tilted density and points, {0}", "倾斜密度与样本：{0}"),
        "class_density": text("density of the class", "该类别的密度"),
        "tilted": text("tilted density", "倾斜密度"),
        "density": text("density", "密度"),
        "ends": text("End points: {0} samples, {1} evaluations each", "终点：{0} 个样本，每个求值 {1} 次"),
        "mean": text("mean", "均值"),
        "deviation": text("deviation", "标准差"),
        "gap": text("Kolmogorov distance", "Kolmogorov 距离"),
        "sampled": text("sampled", "采样所得"),
        "exact": text("exact", "精确值"),
        "of_class": text("exact, without guidance", "精确值（无引导）"),
        "below": text("below {0} in 95 of 100 exact samples", "精确采样 100 次中有 95 次低于 {0}"),
    },
    (
        "rev.pf-ode",
        "rev.family",
        "ddim.is-euler",
        "edm.churn",
        "sde.em-order",
        "score.tweedie",
        "guide.cfg",
        "guide.not-tilted",
    ),
)

ERRORS = Explorer(
    "errors",
    ("schedules.js", "mixture.js", "samplers.js", "view-errors.js"),
    (
        Setting(
            "law",
            text("data", "数据分布"),
            "mixture",
            {"gaussian": text("one Gaussian", "单个高斯"), "mixture": text("a mixture", "高斯混合")},
        ),
        Setting("rho", text("exponent ρ of the grid", "网格指数 ρ"), 7.0, low=1, high=15, step=0.5),
        Setting("steps", text("steps in the second picture", "第二幅图的步数"), 18.0, low=4, high=64),
    ),
    {
        "look": text(
            "First picture: on logarithmic axes the order of a sampler is a slope, once the steps are small enough. "
            "Second: the error that each step makes from an exact start. Move ρ: at one nearly all of it is made "
            "in the last steps, at seven it is spread over the levels where the data take shape.",
            "第一幅图：双对数坐标下，步长足够小时，采样器的阶就是斜率。第二幅图：每一步从精确值出发时单独产生的误差。"
            "改变 ρ：取一时，误差几乎都出在最后几步；取七时，误差分散到数据成形的那些噪声水平上。",
        ),
        "euler": text("Euler = DDIM", "Euler = DDIM"),
        "heun": text("Heun", "Heun"),
        "dpmpp2s": text("DPM-Solver++(2S)", "DPM-Solver++(2S)"),
        "dpmpp2m": text("DPM-Solver++(2M)", "DPM-Solver++(2M)"),
        "dpmpp3m": text("DPM-Solver++(3M)", "DPM-Solver++(3M)"),
        "nfe": text("evaluations of the denoiser (NFE)", "去噪器求值次数（NFE）"),
        "error": text("error, root mean square", "均方根误差"),
        "global_title": text("Error at the end", "终点误差"),
        "local_title": text("Error of each of {0} steps", "{0} 步中每一步的误差"),
        "level": text("noise level σ before the step", "该步之前的噪声水平 σ"),
        "slope": text("slope −{0}", "斜率 −{0}"),
        "orders": text("Orders", "阶"),
        "order": text("order in theory", "理论阶"),
        "measured": text("measured on the finest grids", "最细几个网格上测得"),
        "at_nfe": text("error at {0} evaluations or just below", "求值 {0} 次或略少时的误差"),
        "worst": text("level of the worst of {0} steps", "{0} 步中误差最大一步的 σ"),
    },
    (
        "solver.euler",
        "edm.heun-algorithm",
        "solver.heun-gaussian",
        "solver.dpm-order",
        "solver.dpmpp2m",
        "solver.3m-factor",
        "rev.gaussian-exact",
        "edm.time-steps",
    ),
)

EXPLORERS = {explorer.name: explorer for explorer in (SCHEDULES, TRAJECTORIES, ERRORS)}
