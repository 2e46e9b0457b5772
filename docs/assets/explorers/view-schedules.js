// The explorer of noise schedules: two of them side by side, what training sees of each, and where N steps lie.
(own => {
  "use strict";
  const { count, linspace } = own.numerics;
  const { families, level, logsnr, shifted, uniformDensity, normalDensity, levels } = own.schedules;
  const { typed } = own.figure;
  const REACH = 16; // logSNR is shown from -16 to 16

  own.views.schedules = (settings, words) => {
    const sides = ["first", "second"].map((side, tone) => {
      const whole = families[settings[side]](settings), factor = settings[`${side}_shift`];
      const path = factor === 1 ? whole : shifted(whole, factor);
      const title = factor === 1 ? words[settings[side]] : `${words[settings[side]]} × ${typed(factor)}`;
      return { path, title: `${"AB"[tone]}: ${title}`, tone, factor, draws: settings[`${side}_draws`] };
    });
    const times = path => linspace(path.clean, path.noisy, 241).slice(1, -1); // pure noise and no noise have no logSNR
    const curve = (f, style) => sides.map(({ path, title, tone }) =>
      ({ title, tone, style, x: times(path), y: times(path).map(t => f(path, t)) }));

    const density = sides.map(({ path, title, tone, factor, draws }) => {
      if (draws === "normal") {
        const x = linspace(-REACH, REACH, 241), mean = settings.p_mean + Math.log(factor);
        return { title, tone, x, y: x.map(value => normalDensity(value, mean, settings.p_std)) };
      }
      const near = times(path).filter(t => Math.abs(logsnr(path, t)) <= REACH);
      return { title, tone, x: near.map(t => logsnr(path, t)), y: near.map(t => uniformDensity(path, t)) };
    });
    const grids = sides.map(({ path, title, tone }) =>
      ({ title, tone, style: "marked", x: count(settings.steps), y: levels(path, settings.steps) }));

    const time = { title: words.time, domain: [0, 1] };
    const both = f => sides.map(f);
    const noisiest = path => path.alpha(path.noisy) > 1e-9 ? logsnr(path, path.noisy) : -Infinity; // cos(pi/2) is not 0
    return {
      remark: words.look,
      panels: [
        { title: words.logsnr_title, x: time, y: { title: words.logsnr, domain: [-REACH, REACH] }, series: curve(logsnr) },
        { title: words.density_title, x: { title: words.logsnr, domain: [-REACH, REACH] }, y: { title: words.density, zero: true },
          series: density },
        { title: words.alpha_title, x: time, y: { title: words.alpha, domain: [0, 1.05] }, series: curve((path, t) => path.alpha(t)) },
        { title: words.sigma_title, x: time, y: { title: words.sigma, log: true }, series: curve((path, t) => path.sigma(t)) },
        { title: words.plane_title, x: { title: words.alpha, domain: [0, 1.05] }, y: { title: words.sigma, domain: [0, 1.05] },
          series: sides.map(({ path, title, tone }) => {
            const shown = linspace(path.clean, path.noisy, 481);
            return { title, tone, x: shown.map(path.alpha), y: shown.map(path.sigma) };
          }) },
        { title: words.steps_title, x: { title: words.step }, y: { title: words.level, log: true }, series: grids },
      ],
      tables: [{
        title: words.values,
        head: ["", ...both(({ title }) => title)],
        rows: [
          [words.start, ...both(({ path }) => typed(noisiest(path)))],
          [words.end, ...both(({ path }) => typed(logsnr(path, path.clean)))],
          [words.even, ...both(({ path }) => typed(path.time(1)))],
          [words.draws, ...both(({ draws }) => words[draws])],
          [words.highest, ...grids.map(({ y }) => typed(y[0]))],
          [words.lowest, ...grids.map(({ y }) => typed(y.at(-1)))],
          [words.above, ...grids.map(({ y }) => `${y.filter(value => value > 1).length} / ${y.length}`)],
        ],
      }],
    };
  };
})(globalThis.explorers ??= {});
