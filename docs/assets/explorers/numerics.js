// What the explorers compute with: the normal law, random numbers, means. No document and no drawing here, so that the
// tests can run this file by itself and compare it with the Python package.
(own => {
  "use strict";

  const count = n => Array.from({ length: n }, (_, i) => i);
  const linspace = (first, last, n) => count(n).map(i => first + (i / (n - 1)) * (last - first));
  const logspace = (first, last, n) => linspace(Math.log(first), Math.log(last), n).map(Math.exp);

  const normalPdf = z => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);

  // P(Z <= z). In the middle the series z + z^3/3 + z^5/(3 5) + ... times the density; in the tails the continued
  // fraction 1/(z + 1/(z + 2/(z + 3/(z + ...)))), which keeps its relative accuracy where the series would cancel.
  const normalCdf = z => {
    const size = Math.abs(z);
    if (size < 3) {
      let term = z, sum = z;
      for (let k = 3; Math.abs(term) > 1e-18 * Math.abs(sum); k += 2) sum += term *= z * z / k;
      return 0.5 + normalPdf(z) * sum;
    }
    let fraction = size;
    for (let k = 80; k > 0; k--) fraction = size + k / fraction;
    const tail = normalPdf(size) / fraction;
    return z < 0 ? tail : 1 - tail;
  };

  // Uniform numbers in (0, 1) that depend on seed and stream only: mulberry32, started at a mix of both.
  const uniforms = (seed, stream) => {
    let state = (Math.imul(seed + 1, 0x9E3779B1) ^ Math.imul(stream + 1, 0x85EBCA6B)) >>> 0;
    return () => {
      state = (state + 0x6D2B79F5) >>> 0;
      let word = Math.imul(state ^ (state >>> 15), state | 1);
      word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
      return (((word ^ (word >>> 14)) >>> 0) + 0.5) / 4294967296;
    };
  };

  // Standard normals by Box and Muller, two from two uniforms.
  const normals = (seed, stream, size) => {
    const next = uniforms(seed, stream), found = new Float64Array(size);
    for (let i = 0; i < size; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(next())), angle = 2 * Math.PI * next();
      found[i] = radius * Math.cos(angle);
      if (i + 1 < size) found[i + 1] = radius * Math.sin(angle);
    }
    return found;
  };

  const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = values => {
    const centre = mean(values);
    return Math.sqrt(mean(values.map(value => (value - centre) ** 2)));
  };
  // Root mean square difference of two states.
  const distance = (a, b) => Math.sqrt(mean(a.map((value, i) => (value - b[i]) ** 2)));

  // Slope of the least-squares line through the points.
  const slope = (xs, ys) => {
    const x = mean(xs), y = mean(ys);
    return xs.reduce((sum, a, i) => sum + (a - x) * (ys[i] - y), 0) / xs.reduce((sum, a) => sum + (a - x) ** 2, 0);
  };

  own.numerics = { count, linspace, logspace, normalPdf, normalCdf, uniforms, normals, mean, deviation, distance, slope };
})(globalThis.explorers ??= {});
