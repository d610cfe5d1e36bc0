// Smoothing: a moving average whose weight is raised to the number of points of a mark, freed of the bias of its
// beginning. So 20,000 points and the 2,000 marks made of them give one curve.
globalThis.charts = {
  smooth(means, counts, weight) {
    let value = 0;
    let unseen = 1;
    return means.map((mean, place) => {
      if (mean === null) return null;
      const kept = weight ** counts[place];
      value = value * kept + mean * (1 - kept);
      unseen *= kept;
      return value / (1 - unseen);
    });
  },
};
