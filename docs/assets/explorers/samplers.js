// Samplers in sigma-space. A method is one step: it gets x at levels[0], the denoised points of this and earlier steps
// (newest first, each with its level) and where to go. The Python side is verify/experiments/samplers.
(own => {
  "use strict";

  const combine = (...terms) => { // combine([weight, state], ...): the weighted sum
    const found = new Float64Array(terms[0][1].length);
    for (const [weight, state] of terms) for (let i = 0; i < found.length; i++) found[i] += weight * state[i];
    return found;
  };
  // a + share (b - a), exact at both ends.
  const lerp = (a, b, share) => {
    const found = new Float64Array(a.length);
    for (let i = 0; i < a.length; i++) {
      found[i] = share < 0.5 ? a[i] + share * (b[i] - a[i]) : b[i] - (1 - share) * (b[i] - a[i]);
    }
    return found;
  };

  const euler = (denoise, x, [denoised], [t], after) => lerp(denoised, x, after / t);

  const heun = (denoise, x, [denoised], [t], after) => {
    const predicted = lerp(denoised, x, after / t);
    if (after === 0) return predicted;
    const share = (t - after) / (2 * after);
    return combine([1, predicted], [share, denoise(predicted, after)], [-share, denoised]);
  };

  const dpmpp2s = (denoise, x, [denoised], [t], after) => {
    if (after === 0) return denoised;
    const middle = Math.sqrt(t * after);
    return lerp(denoise(lerp(denoised, x, middle / t), middle), x, after / t);
  };

  const dpmpp2m = (denoise, x, outputs, levels, after) => {
    if (outputs.length < 2 || after === 0) return lerp(outputs[0], x, after / levels[0]);
    const share = Math.log(levels[0] / after) / (2 * Math.log(levels[1] / levels[0]));
    return lerp(combine([1 + share, outputs[0]], [-share, outputs[1]]), x, after / levels[0]);
  };

  // psi_k(h), the integral of e^{-(h-u)} u^k/k! over the step; its series where the recurrence would cancel.
  const psi = (k, h) => {
    if (k === 0) return -Math.expm1(-h);
    let term = h;
    for (let j = 2; j <= k; j++) term *= h / j;
    if (h > 1) return term - psi(k - 1, h);
    let sum = 0;
    term *= h / (k + 1);
    for (let j = k + 2; j < k + 22; j++) { sum += term; term *= -h / j; }
    return sum;
  };

  // The polynomial through all outputs in lambda = -ln sigma, integrated exactly; its first step is one of dpmpp2s.
  const dpmpp3m = (denoise, x, outputs, levels, after) => {
    if (outputs.length < 2 || after === 0) return dpmpp2s(denoise, x, outputs, levels, after);
    const nodes = levels.map(level => Math.log(levels[0] / level)), h = Math.log(levels[0] / after);
    const moments = nodes.map((_, k) => psi(k, h) * [1, 1, 2][k]);
    const weights = nodes.map((node, j) => {
      let polynomial = [1];
      for (const other of nodes.filter((_, k) => k !== j)) {
        polynomial = [0, ...polynomial].map((lower, k) => (lower - other * (polynomial[k] ?? 0)) / (node - other));
      }
      return polynomial.reduce((sum, c, k) => sum + c * moments[k], 0);
    });
    return combine([after / levels[0], x], ...weights.map((weight, j) => [weight, outputs[j]]));
  };

  // order: of the error over a span; reach: how many outputs a step uses.
  const methods = {
    euler: { step: euler, order: 1, reach: 1 },
    heun: { step: heun, order: 2, reach: 1 },
    dpmpp2s: { step: dpmpp2s, order: 2, reach: 1 },
    dpmpp2m: { step: dpmpp2m, order: 2, reach: 2 },
    dpmpp3m: { step: dpmpp3m, order: 3, reach: 3 },
  };

  // The states at every level, the first being x.
  const solve = ({ step, reach }, denoise, x, sigmas) => {
    const states = [x];
    let outputs = [], levels = [];
    for (let i = 0; i + 1 < sigmas.length; i++) {
      outputs = [denoise(states[i], sigmas[i]), ...outputs].slice(0, reach);
      levels = [sigmas[i], ...levels].slice(0, reach);
      states.push(step(denoise, states[i], outputs, levels, sigmas[i + 1]));
    }
    return states;
  };

  // Those that draw noise; noise(i) gives the standard normals of step i.
  const walk = (x, sigmas, step) => {
    const states = [x];
    for (let i = 0; i + 1 < sigmas.length; i++) states.push(step(states[i], sigmas[i], sigmas[i + 1], i));
    return states;
  };

  // DDIM: eta = 0 is Euler's method, eta = 1 the posterior of DDPM.
  const ddim = (denoise, x, sigmas, noise, eta) => walk(x, sigmas, (state, t, after, i) => {
    const fresh = eta * eta * after * after * (1 - (after / t) ** 2);
    const moved = lerp(denoise(state, t), state, Math.sqrt(after * after - fresh) / t);
    return fresh > 0 ? combine([1, moved], [Math.sqrt(fresh), noise(i)]) : moved;
  });

  // Euler-Maruyama in sigma^2 on the reverse SDE with `ell` times its noise.
  const eulerMaruyama = (denoise, x, sigmas, noise, ell) => walk(x, sigmas, (state, t, after, i) => {
    const part = 1 - (after / t) ** 2, moved = lerp(state, denoise(state, t), (1 + ell * ell) / 2 * part);
    return after > 0 && ell > 0 ? combine([1, moved], [ell * t * Math.sqrt(part), noise(i)]) : moved;
  });

  // EDM's stochastic sampler: raise the level by the factor 1 + min(amount/N, sqrt 2 - 1), then a step of Heun's method.
  const churn = (denoise, x, sigmas, noise, amount) => walk(x, sigmas, (state, t, after, i) => {
    const raised = t * (1 + Math.min(amount / (sigmas.length - 1), Math.SQRT2 - 1));
    const lifted = raised > t ? combine([1, state], [Math.sqrt(raised * raised - t * t), noise(i)]) : state;
    return heun(denoise, lifted, [denoise(lifted, raised)], [raised], after);
  });

  own.samplers = { methods, solve, ddim, eulerMaruyama, churn };
})(globalThis.explorers ??= {});
