// The explorer of errors: how the error of each sampler falls with its evaluations, and in which steps it arises.
(own => {
  "use strict";
  const { count, distance, slope } = own.numerics;
  const { mixture, trajectory } = own.mixture;
  const { methods, solve } = own.samplers;
  const { karras } = own.schedules;
  const { typed } = own.figure;
  const COUNTS = [4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128]; // levels of a grid
  const SHARES = count(24).map(i => (i + 0.5) / 24); // the trajectories: as much of the law lies between any two
  const HIGHEST = 80, LOWEST = 0.002, ROUNDING = 1e-11;
  const LAWS = {
    gaussian: [{ weight: 1, mean: [0], variance: 0.25, label: 0 }],
    mixture: [
      { weight: 0.5, mean: [-1], variance: 0.04, label: 0 }, { weight: 0.3, mean: [0.4], variance: 0.09, label: 0 },
      { weight: 0.2, mean: [1.2], variance: 0.02, label: 0 },
    ],
  };

  // Evaluations and the error at the last level, for each number of levels.
  const globalErrors = (law, method, rho, counts = COUNTS) => {
    const [start, end] = trajectory(law, SHARES, [HIGHEST, LOWEST]);
    return counts.map(n => {
      let evaluations = 0;
      const denoise = (x, sigma) => {
        evaluations++;
        return law.denoise(x, sigma);
      };
      const states = solve(method, denoise, start, karras(n, LOWEST, HIGHEST, rho, false));
      return { evaluations, error: distance(states.at(-1), end) };
    });
  };

  // The error of each step of a grid when it starts from exact values, those that it remembers included: one list for
  // each method.
  const localErrors = (law, methods, sigmas) => {
    const exact = trajectory(law, SHARES, sigmas), denoise = (x, sigma) => law.denoise(x, sigma);
    const outputs = exact.map((x, i) => denoise(x, sigmas[i]));
    return methods.map(({ step, reach }) => count(sigmas.length - 1).map(i => {
      const past = list => list.slice(Math.max(i + 1 - reach, 0), i + 1).reverse();
      return distance(step(denoise, exact[i], past(outputs), past(sigmas), sigmas[i + 1]), exact[i + 1]);
    }));
  };

  // Order over the last four grids that are still above rounding.
  const measuredOrder = found => {
    const good = found.filter(({ error }) => error > ROUNDING).slice(-4);
    return good.length < 3 ? NaN : -slope(good.map(one => Math.log(one.evaluations)), good.map(one => Math.log(one.error)));
  };

  own.errors = { LAWS, COUNTS, SHARES, globalErrors, localErrors, measuredOrder };
  own.views.errors = ({ law: name, rho, steps }, words) => {
    const law = mixture(LAWS[name]), sigmas = karras(steps + 1, LOWEST, HIGHEST, rho, false);
    const locals = localErrors(law, Object.values(methods), sigmas);
    const all = Object.entries(methods).map(([key, method], tone) =>
      ({ key, method, tone, found: globalErrors(law, method, rho), local: locals[tone] }));
    const corner = [COUNTS[0], 0.05 * Math.min(...all.map(({ found }) => found[0].error))]; // below all curves
    const guides = [1, 2, 3].map(order =>
      ({ from: corner, to: [4 * corner[0], corner[1] * 4 ** -order], title: own.filled(words.slope, order) }));
    const style = "marked";
    return {
      remark: words.look,
      panels: [
        { title: words.global_title, x: { title: words.nfe, log: true }, y: { title: words.error, log: true }, guides,
          series: all.map(({ key, tone, found }) =>
            ({ title: words[key], tone, style, x: found.map(one => one.evaluations), y: found.map(one => one.error) })) },
        { title: own.filled(words.local_title, steps), x: { title: words.level, log: true }, y: { title: words.error, log: true },
          series: all.map(({ key, tone, local }) => ({ title: words[key], tone, style, x: sigmas.slice(0, -1), y: local })) },
      ],
      tables: [{
        title: words.orders,
        head: ["", words.order, words.measured, own.filled(words.at_nfe, 32), own.filled(words.worst, steps)],
        rows: all.map(({ key, method, found, local }) => {
          const near = found.filter(one => one.evaluations <= 32).at(-1);
          const worst = local.indexOf(Math.max(...local));
          return [words[key], String(method.order), typed(measuredOrder(found)), typed(near.error), typed(sigmas[worst])];
        }),
      }],
    };
  };
})(globalThis.explorers ??= {});
