// --- a span of time on the map: how many documents there are over it, and those of a part of it
const BINS = 72;

function startDates(map) {
  const [from, to] = [find('span-from'), find('span-to')];
  const { day, n } = map.points;
  if (!from || !day) return;
  let [first, last] = [Infinity, -Infinity];
  for (const one of day) {
    if (one === UNDATED) continue;
    first = Math.min(first, one);
    last = Math.max(last, one);
  }
  const bins = Math.min(BINS, last - first + 1);
  const wide = (last - first + 1) / bins;
  const binOf = one => Math.min(bins - 1, Math.floor((one - first) / wide));
  const counts = new Array(bins).fill(0);
  for (const one of day) if (one !== UNDATED) counts[binOf(one)] += 1;
  const bars = counts.map(count => {
    const bar = make('i');
    bar.style.height = `${(100 * count) / Math.max(...counts)}%`;
    return bar;
  });
  find('span-bars').replaceChildren(...bars);
  for (const slider of [from, to]) slider.max = bins - 1;
  const whole = () => {
    [from.value, to.value] = [0, bins - 1];
    told();
  };
  const ends = () => [Number(from.value), Number(to.value)].sort((a, b) => a - b);
  const told = () => {
    const [low, high] = ends();
    const names = [first + Math.ceil(low * wide), Math.min(last, first + Math.ceil((high + 1) * wide) - 1)].map(
      dayName,
    );
    find('span-told').textContent = `${names[0]} to ${names[1]}`;
    for (const slider of [from, to])
      slider.setAttribute('aria-valuetext', dayName(first + Math.ceil(slider.value * wide)));
    for (const [i, bar] of bars.entries()) bar.classList.toggle('lit', i >= low && i <= high);
  };
  const pick = eachFrame(() => {
    const [low, high] = ends();
    const all = low === 0 && high === bins - 1;
    const mask = all ? null : new Uint8Array(n);
    for (let i = 0; mask && i < n; i++) {
      const bin = day[i] === UNDATED ? -1 : binOf(day[i]);
      mask[i] = bin >= low && bin <= high ? 1 : 0;
    }
    map.pick(mask, 'dates');
  });
  for (const slider of [from, to]) {
    slider.addEventListener('input', () => {
      told();
      pick();
    });
  }
  map.lets.dates = whole;
  whole();
}
