// A mixture of round Gaussians with labelled components, and what noise makes of it: everything is exact. States are
// Float64Arrays, row after row. The Python side is verify/experiments/oracles (Mixture, Conditional) and the samplers'
// guidance; the exact flow is `trajectory` of verify/experiments/orders.
(own => {
  "use strict";
  const { count, normalCdf, normalPdf } = own.numerics;
  const ANY = -1; // no label: the whole law

  // components: { weight, mean: [..], variance, label } each; weights are scaled to sum to 1.
  const mixture = components => {
    const size = components.reduce((sum, one) => sum + one.weight, 0), dimensions = components[0].mean.length;
    const parts = components.map(one => ({ ...one, weight: one.weight / size })), K = parts.length;
    const means = Float64Array.from(parts.flatMap(one => one.mean));
    const priors = new Map([ANY, ...parts.map(one => one.label)].map(label =>
      [label, parts.reduce((sum, one) => label === ANY || one.label === label ? sum + one.weight : sum, 0)]));

    // Shares of the components in the row that starts at `at`, among those of the label: a softmax of the logarithms of
    // w_k N(x; mean_k, (variance_k + sigma^2) I). Returns the logarithm of their sum.
    const level = sigma => {
      const total = Float64Array.from(parts, one => one.variance + sigma * sigma);
      const front = total.map((v, k) => Math.log(parts[k].weight) - 0.5 * dimensions * Math.log(2 * Math.PI * v));
      const kept = total.map((v, k) => parts[k].variance / v);
      return { total, front, kept };
    };
    const share = (x, at, { total, front }, label, into) => {
      let top = -Infinity, sum = 0;
      for (let k = 0; k < K; k++) {
        let square = 0;
        for (let j = 0; j < dimensions; j++) {
          const apart = x[at + j] - means[k * dimensions + j];
          square += apart * apart;
        }
        into[k] = label === ANY || parts[k].label === label ? front[k] - 0.5 * square / total[k] : -Infinity;
        if (into[k] > top) top = into[k];
      }
      for (let k = 0; k < K; k++) sum += into[k] = Math.exp(into[k] - top);
      for (let k = 0; k < K; k++) into[k] /= sum;
      return top + Math.log(sum);
    };

    // Adds `times` E[y | x, label] to every row.
    const addMean = (x, sigma, label, times, into) => {
      const here = level(sigma), shares = new Float64Array(K);
      for (let at = 0; at < x.length; at += dimensions) {
        share(x, at, here, label, shares);
        for (let k = 0; k < K; k++) {
          const weight = times * shares[k];
          for (let j = 0; j < dimensions; j++) {
            const mean = means[k * dimensions + j];
            into[at + j] += weight * (mean + here.kept[k] * (x[at + j] - mean));
          }
        }
      }
    };

    // D = D_u + scale (D_c - D_u), classifier-free guidance with exact denoisers: scale 0 is the whole law, 1 the class.
    const denoise = (x, sigma, label = ANY, scale = 1) => {
      const found = new Float64Array(x.length);
      if (label === ANY || scale !== 1) addMean(x, sigma, ANY, label === ANY ? 1 : 1 - scale, found);
      if (label !== ANY && scale !== 0) addMean(x, sigma, label, scale, found);
      return found;
    };

    // log p(x; sigma), or log p(x | label; sigma), of every row.
    const logDensity = (x, sigma, label = ANY) => {
      const here = level(sigma), shares = new Float64Array(K), prior = Math.log(priors.get(label));
      return new Float64Array(x.length / dimensions).map((_, row) => share(x, row * dimensions, here, label, shares) - prior);
    };

    const cdf = (x, sigma) => parts.reduce(
      (sum, { weight, mean, variance }) => sum + weight * normalCdf((x - mean[0]) / Math.hypot(Math.sqrt(variance), sigma)), 0);
    const pdf = (x, sigma) => parts.reduce((sum, { weight, mean, variance }) => {
      const spread = Math.hypot(Math.sqrt(variance), sigma);
      return sum + weight * normalPdf((x - mean[0]) / spread) / spread;
    }, 0);

    // The x with cdf(x) = part: Newton's steps from `x`, halved into the bracket when they leave it.
    const quantile = (part, sigma, x = 0) => {
      const reach = 12 * Math.max(...parts.map(one => Math.hypot(Math.sqrt(one.variance), sigma)));
      let low = Math.min(...means) - reach, high = Math.max(...means) + reach;
      for (let turn = 0; turn < 200; turn++) {
        const gap = cdf(x, sigma) - part;
        if (gap > 0) high = x; else low = x;
        const newton = x - gap / pdf(x, sigma), next = newton > low && newton < high ? newton : 0.5 * (low + high);
        if (Math.abs(next - x) <= 1e-15 * (Math.abs(x) + reach)) return next;
        x = next;
      }
      return x;
    };

    const mean = parts.reduce((sum, one) => sum + one.weight * one.mean[0], 0);
    const variance = parts.reduce((sum, one) => sum + one.weight * (one.variance + (one.mean[0] - mean) ** 2), 0);
    return {
      dimensions, denoise, logDensity, cdf, pdf, quantile, mean, variance,
      given: label => label === ANY ? mixture(components) : mixture(components.filter(one => one.label === label)),
      along: axis => mixture(components.map(one => ({ ...one, mean: [one.mean[axis]] }))),
    };
  };

  // In one dimension the probability flow keeps the order of the points, and so the share of the law below each of them:
  // the points with these shares at any level lie on one trajectory each.
  const trajectory = (law, shares, levels) => {
    let guess = shares.map(() => 0), before = 1;
    return levels.map(sigma => { // a falling level draws the points together about in proportion
      guess = shares.map((share, i) => law.quantile(share, sigma, guess[i] * Math.min(1, sigma / before)));
      before = sigma;
      return Float64Array.from(guess);
    });
  };

  // Kolmogorov's distance: the largest gap between the distribution function and that of the points.
  const kolmogorov = (points, cdf) => {
    const sorted = Float64Array.from(points).sort(), n = sorted.length;
    return count(n).reduce((gap, i) => {
      const share = cdf(sorted[i]);
      return Math.max(gap, share - i / n, (i + 1) / n - share);
    }, 0);
  };

  own.mixture = { ANY, mixture, trajectory, kolmogorov };
})(globalThis.explorers ??= {});
