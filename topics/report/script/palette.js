// --- the colours of the points, by topic, class or date, and what they mean
function rgb(text) {
  const hex = text.replace('#', '');
  return [0, 2, 4].map(at => Number.parseInt(hex.slice(at, at + 2), 16));
}

/** Black or white, whichever stands out more from a ground (WCAG 2, relative luminance). */
function inkOn(ground) {
  const linear = rgb(ground).map(v => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.05 ? '#fff' : '#111';
}

const mixed = (from, to, share) => from.map((value, i) => Math.round(value + (to[i] - value) * share));
const SHADES = 48;

/** Colours as [r, g, b], for each point one of them, and how to explain them. */
function paletteOf(points, by) {
  const outlier = rgb(colour('--outlier'));
  const hues = [0, 1, 2, 3, 4, 5, 6, 7].map(i => rgb(colour(`--c${i}`)));
  const of = new Uint8Array(points.n);
  if (by === 'day' && points.day) return byDay(points, of, outlier);
  if (by === 'class' && points.class) {
    for (let i = 0; i < points.n; i++)
      of[i] = points.class[i] < 0 || points.class[i] >= hues.length ? 0 : points.class[i] + 1;
    const names = data.classes.slice(0, hues.length);
    const rest = data.classes.length > names.length ? [['other classes', colour('--outlier')]] : [];
    return { colours: [outlier, ...hues], of, keys: [...names.map((name, i) => [name, colour(`--c${i}`)]), ...rest] };
  }
  for (let i = 0; i < points.n; i++) of[i] = points.topic[i] < 0 ? 0 : (byTopic.get(points.topic[i])?.colour ?? 0) + 1;
  return { colours: [outlier, ...hues], of, keys: [] };
}

function byDay(points, of, outlier) {
  const days = points.day.filter(day => day !== UNDATED).sort();
  // From the 1st to the 99th of a hundred, so that one early document does not use up the scale.
  const [first, last] = [days[Math.floor(0.01 * (days.length - 1))], days[Math.ceil(0.99 * (days.length - 1))]];
  const stops = [0, 1, 2, 3, 4].map(i => rgb(colour(`--d${i}`)));
  const colours = [outlier];
  for (let shade = 0; shade < SHADES; shade++) {
    const at = (shade / (SHADES - 1)) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    colours.push(mixed(stops[low], stops[low + 1], at - low));
  }
  for (let i = 0; i < points.n; i++) {
    const day = points.day[i];
    const share = (day - first) / (last - first || 1);
    of[i] = day === UNDATED ? 0 : 1 + Math.round(Math.max(0, Math.min(1, share)) * (SHADES - 1));
  }
  return { colours, of, ramp: [dayName(first), dayName(last)], keys: [] };
}

function showLegend(palette) {
  const legend = find('legend');
  legend.hidden = !palette.keys.length && !palette.ramp;
  legend.replaceChildren();
  for (const [name, shade] of palette.keys) {
    const key = make('span', '', 'key');
    const dot = make('i', '', 'dot');
    dot.style.background = shade;
    key.append(dot, make('bdi', name));
    legend.append(key);
  }
  if (palette.ramp) {
    legend.append(
      make('span', `until ${palette.ramp[0]}`),
      make('i', '', 'ramp'),
      make('span', `from ${palette.ramp[1]}`),
    );
  }
}
