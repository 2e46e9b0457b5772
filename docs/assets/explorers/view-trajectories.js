// The explorer of trajectories: samplers on a mixture in one or two dimensions whose denoiser is known exactly.
(own => {
  "use strict";
  const { count, linspace, normals, mean, deviation } = own.numerics;
  const { ANY, mixture, kolmogorov } = own.mixture;
  const { methods, solve, ddim, eulerMaruyama, churn } = own.samplers;
  const { karras } = own.schedules;
  const { typed } = own.figure;
  const ROWS = 1000, DRAWN = 24, DOTS = 400, HIGHEST = 20, LOWEST = 0.02, EDGE = 4.5;
  const SHADES = [0.02, 0.1, 0.25, 0.5, 0.75];
  const LAWS = {
    1: [
      { weight: 0.3, mean: [-2.4], variance: 0.12, label: 0 }, { weight: 0.2, mean: [0.3], variance: 0.06, label: 0 },
      { weight: 0.2, mean: [1.1], variance: 0.25, label: 1 }, { weight: 0.3, mean: [2.6], variance: 0.09, label: 1 },
    ],
    2: [
      { weight: 0.3, mean: [-2.2, 0.9], variance: 0.15, label: 0 }, { weight: 0.2, mean: [-0.2, -1.9], variance: 0.08, label: 0 },
      { weight: 0.2, mean: [0.8, 0.2], variance: 0.25, label: 1 }, { weight: 0.3, mean: [2.3, 1.9], variance: 0.1, label: 1 },
    ],
  };

  const sampled = (law, settings, sigmas) => {
    const { sampler, seed, scale } = settings, label = Number(settings.label);
    let evaluations = 0;
    const denoise = (x, sigma) => {
      evaluations++;
      return law.denoise(x, sigma, label, scale);
    };
    const size = ROWS * law.dimensions, noise = i => normals(seed, i + 10, size);
    const start = normals(seed, 3, size).map(value => HIGHEST * value);
    const run = {
      "ddim-1": () => ddim(denoise, start, sigmas, noise, 1),
      "euler-maruyama": () => eulerMaruyama(denoise, start, sigmas, noise, 1),
      churn: () => churn(denoise, start, sigmas, noise, settings.churn),
    }[sampler] ?? (() => solve(methods[sampler], denoise, start, sigmas));
    return { states: run(), evaluations };
  };
  // The last run is kept: moving through its noise levels does not repeat it.
  let kept = { key: "" };
  const once = (law, settings, sigmas) => {
    const { at: _, ...rest } = settings, key = JSON.stringify(rest);
    if (kept.key !== key) kept = { key, ...sampled(law, settings, sigmas) };
    return kept;
  };

  // Everything is shown divided by sqrt(1 + sigma^2), so that no level is larger than another.
  const shrink = sigma => 1 / Math.sqrt(1 + sigma * sigma);
  // The log density whose gradient is the guided score: (1 - scale) log p + scale log p(.|label).
  const guided = (law, label, scale) => (x, sigma) => {
    const whole = law.logDensity(x, sigma);
    if (label === ANY) return whole;
    const part = law.logDensity(x, sigma, label);
    return whole.map((value, i) => value + scale * (part[i] - value));
  };

  const alongSteps = (logDensity, sigmas, states, at, words, title) => {
    const steps = sigmas.length - 1, moments = linspace(0, steps, 8 * Math.min(steps, 16) + 1), y = linspace(-EDGE, EDGE, 91);
    const columns = moments.map(moment => {
      const before = Math.min(Math.floor(moment), steps - 1), share = moment - before;
      const sigma = sigmas[before] + share * (sigmas[before + 1] - sigmas[before]);
      const logs = logDensity(Float64Array.from(y, value => value / shrink(sigma)), sigma), top = Math.max(...logs);
      return logs.map(log => Math.exp(log - top));
    });
    return {
      title, x: { title: words.step, domain: [0, steps] }, y: { title: words.place, domain: [-EDGE, EDGE] },
      regions: { x: moments, y, values: y.map((_, i) => columns.map(column => column[i])), levels: SHADES },
      rules: [at],
      series: [{
        title: words.traces, tone: 0, style: "traces",
        paths: count(DRAWN).map(row => ({ x: count(steps + 1), y: states.map((state, i) => state[row] * shrink(sigmas[i])) })),
      }],
    };
  };

  const inPlane = (logDensity, sigmas, states, at, words, title) => {
    const axis = linspace(-EDGE, EDGE, 61), sigma = sigmas[at], scale = shrink(sigma);
    const nodes = Float64Array.from(axis.flatMap(b => axis.flatMap(a => [a / scale, b / scale])));
    const logs = logDensity(nodes, sigma), top = Math.max(...logs);
    const values = axis.map((_, i) => axis.map((_, j) => Math.exp(logs[i * axis.length + j] - top)));
    const point = (row, i) => [states[i][2 * row], states[i][2 * row + 1]].map(value => value * shrink(sigmas[i]));
    const along = row => {
      const points = count(at + 1).map(i => point(row, i));
      return { x: points.map(p => p[0]), y: points.map(p => p[1]) };
    };
    const dots = count(DOTS).map(row => point(row, at)), domain = [-EDGE, EDGE];
    return {
      title, square: true, x: { title: words.place_1, domain }, y: { title: words.place_2, domain },
      regions: { x: axis, y: axis, values, levels: SHADES },
      series: [
        { title: words.points, tone: 1, style: "dots", x: dots.map(p => p[0]), y: dots.map(p => p[1]) },
        { title: words.traces, tone: 0, style: "traces", paths: count(DRAWN).map(along) },
      ],
    };
  };

  const histogram = (exact, tilted, points, sigma, words, title) => {
    const scale = shrink(sigma), bins = 60, width = 2 * EDGE / bins, edges = linspace(-EDGE, EDGE, bins + 1);
    const heights = Array(bins).fill(0), x = linspace(-EDGE, EDGE, 241);
    for (const value of points) {
      const bin = Math.floor((value * scale + EDGE) / width);
      if (bin >= 0 && bin < bins) heights[bin] += 1 / (points.length * width);
    }
    const all = [
      { title: words.histogram, tone: 1, style: "bars", x: edges, y: heights },
      { title: exact.title, tone: 0, x, y: x.map(value => exact.law.pdf(value / scale, sigma) / scale) },
    ];
    if (tilted) {
      const logs = tilted(Float64Array.from(x, value => value / scale), sigma), top = Math.max(...logs);
      const mass = logs.map(log => Math.exp(log - top)), sum = mass.reduce((a, b) => a + b, 0) * (x[1] - x[0]);
      all.push({ title: words.tilted, tone: 2, x, y: [...mass].map(value => value / sum) });
    }
    return { title, x: { title: words.place_1, domain: [-EDGE, EDGE] }, y: { title: words.density, zero: true }, series: all };
  };

  own.views.trajectories = (settings, words) => {
    const law = mixture(LAWS[settings.dimensions]), label = Number(settings.label), flat = law.dimensions === 1;
    const sigmas = karras(settings.steps, LOWEST, HIGHEST, settings.rho);
    const { states, evaluations } = once(law, settings, sigmas);
    const at = Math.round(settings.at / 100 * settings.steps), sigma = sigmas[at];
    const first = state => state.filter((_, i) => i % law.dimensions === 0);
    const points = first(states[at]), ends = first(states.at(-1));
    const classed = label !== ANY && settings.scale !== 0, bent = classed && settings.scale !== 1;
    const exact = law.given(classed ? label : ANY).along(0), logDensity = guided(law, label, settings.scale);
    const here = own.filled(words.here, at, settings.steps, typed(sigma));
    const named = { law: exact, title: classed ? words.class_density : words.exact_density };
    return {
      remark: words.look,
      panels: [
        flat ? alongSteps(logDensity, sigmas, states, at, words, bent ? words.tilted_traces : words.traces_title)
          : inPlane(logDensity, sigmas, states, at, words, own.filled(bent ? words.tilted_plane : words.plane_title, here)),
        histogram(named, bent && flat ? logDensity : null, points, sigma, words, own.filled(words.histogram_title, here)),
      ],
      tables: [{
        title: own.filled(words.ends, ROWS, evaluations),
        head: ["", words.mean, words.deviation, words.gap],
        rows: [
          [words.sampled, typed(mean(ends)), typed(deviation(ends)), typed(kolmogorov(ends, value => exact.cdf(value, 0)))],
          [bent ? words.of_class : words.exact, typed(exact.mean), typed(Math.sqrt(exact.variance)),
            own.filled(words.below, typed(1.36 / Math.sqrt(ROWS), 2))],
        ],
      }],
    };
  };
})(globalThis.explorers ??= {});
