// Noise schedules: paths x_t = alpha(t) y + sigma(t) n with the data at t = 0, their logSNR, the noise levels that
// training meets on them, and where the steps of a sampler lie. The Python side is verify/experiments/paths and grids.
(own => {
  "use strict";
  const { count, normalPdf } = own.numerics;

  // A path: alpha, sigma and the slope d logSNR/dt as functions of t, the time of a noise level sigma/alpha, and the
  // times of its noisiest and cleanest point.
  const linearRate = (low, high) => {
    const rate = t => low + (high - low) * t;
    const integral = t => (low + 0.5 * (high - low) * t) * t;
    return { rate, integral, time: B => 2 * B / (Math.sqrt(low * low + 2 * (high - low) * B) + low) };
  };

  const families = {
    "vp-linear": ({ beta_min, beta_max }) => {
      const { rate, integral, time } = linearRate(beta_min, beta_max);
      return {
        alpha: t => Math.exp(-0.5 * integral(t)),
        sigma: t => Math.sqrt(-Math.expm1(-integral(t))),
        slope: t => rate(t) / Math.expm1(-integral(t)),
        time: level => time(Math.log1p(level * level)),
        noisy: 1, clean: 0,
      };
    },
    "sub-vp": ({ beta_min, beta_max }) => {
      const { rate, integral, time } = linearRate(beta_min, beta_max);
      return {
        alpha: t => Math.exp(-0.5 * integral(t)),
        sigma: t => -Math.expm1(-integral(t)),
        slope: t => -rate(t) / Math.tanh(0.5 * integral(t)),
        time: level => time(2 * Math.asinh(0.5 * level)),
        noisy: 1, clean: 0,
      };
    },
    cosine: ({ offset }) => {
      const speed = 0.5 * Math.PI / (1 + offset), start = speed * offset;
      const square = t => Math.sin(speed * t) * Math.sin(speed * (t + 2 * offset)) / Math.cos(start) ** 2;
      return {
        alpha: t => Math.cos(speed * (t + offset)) / Math.cos(start),
        sigma: t => Math.sqrt(square(t)),
        slope: t => -2 * speed * Math.tan(speed * (t + offset)) / square(t),
        time: level => level === Infinity
          ? 1 : Math.atan(Math.sqrt(level * level + Math.sin(start) ** 2) / Math.cos(start)) / speed - offset,
        noisy: 1, clean: 0,
      };
    },
    ve: ({ sigma_min, sigma_max }) => {
      const speed = Math.log(sigma_max / sigma_min);
      return {
        alpha: () => 1,
        sigma: t => sigma_min * Math.exp(speed * t),
        slope: () => -2 * speed,
        time: level => Math.log(level / sigma_min) / speed,
        noisy: 1, clean: 0,
      };
    },
    // EDM has no clock of its own: t runs through the noise levels of its sampler in equal steps of sigma^(1/rho).
    edm: ({ sigma_min, sigma_max, rho }) => {
      const low = sigma_min ** (1 / rho), high = sigma_max ** (1 / rho);
      const root = t => low + t * (high - low);
      return {
        alpha: () => 1,
        sigma: t => root(t) ** rho,
        slope: t => -2 * rho * (high - low) / root(t),
        time: level => (level ** (1 / rho) - low) / (high - low),
        noisy: 1, clean: 0,
      };
    },
    "flow-matching": () => ({
      alpha: t => 1 - t,
      sigma: t => t,
      slope: t => -2 / (t * (1 - t)),
      time: level => level > 1 ? 1 / (1 + 1 / level) : level / (1 + level),
      noisy: 1, clean: 0,
    }),
  };

  const level = (path, t) => path.sigma(t) / path.alpha(t);
  const logsnr = (path, t) => 2 * (Math.log(path.alpha(t)) - Math.log(path.sigma(t)));
  const within = (value, low, high) => Math.min(Math.max(value, low), high);

  // The same path with every noise level multiplied by `factor`, logSNR - 2 ln factor: the path at the time tau(t) with
  // level(tau) = factor level(t). A path that stops at a finite level loses that part of its time.
  const shifted = (path, factor) => {
    const tau = t => within(path.time(factor * level(path, t)), path.clean, path.noisy);
    const end = (t, share) => within(path.time(level(path, t) / share), path.clean, path.noisy);
    return {
      alpha: t => path.alpha(tau(t)),
      sigma: t => path.sigma(tau(t)),
      slope: path.slope,
      time: value => path.time(value / factor),
      noisy: end(path.noisy, Math.max(factor, 1)),
      clean: end(path.clean, Math.min(factor, 1)),
    };
  };

  // Densities of logSNR in training: t uniform over the path's time, or ln(noise level) ~ N(mean, deviation^2).
  const uniformDensity = (path, t) => 1 / ((path.noisy - path.clean) * Math.abs(path.slope(t)));
  const normalDensity = (value, mean, deviation) => normalPdf((value + 2 * mean) / (2 * deviation)) / (2 * deviation);

  // Noise levels at n equal times, noisiest first. Where a path is pure noise, or has none, it is cut short by `edge`.
  const levels = (path, n, edge = 1e-3) => {
    const first = path.alpha(path.noisy) > 1e-9 ? path.noisy : path.noisy - edge;
    const last = path.sigma(path.clean) > 0 ? path.clean : path.clean + edge;
    return count(n).map(i => level(path, first + i / (n - 1) * (last - first)));
  };

  // EDM's grid: n levels in equal steps of sigma^(1/rho), then a jump to 0 unless `toZero` is false.
  const karras = (n, sigmaMin, sigmaMax, rho, toZero = true) => {
    const path = families.edm({ sigma_min: sigmaMin, sigma_max: sigmaMax, rho });
    const found = count(n).map(i => path.sigma(1 - i / (n - 1)));
    return toZero ? [...found, 0] : found;
  };

  own.schedules = { families, level, logsnr, shifted, uniformDensity, normalDensity, levels, karras };
})(globalThis.explorers ??= {});
