// --- topics over time: a small picture each, bursts shaded
const AT_FIRST = innerWidth < 600 ? 5 : 11; // beside the picture of all documents
const AT_ONCE = 12;

const clearest = topic => Math.max(0, ...topic.bursts.map(([, , weight]) => weight));
const ORDERS = {
  size: (a, b) => b.size - a.size,
  gained: (a, b) => b.change - a.change,
  lost: (a, b) => a.change - b.change,
  burst: (a, b) => clearest(b) - clearest(a),
};

function startTime() {
  const place = find('multiples');
  if (!place) return;
  const { columns, rows } = data.tables.periods;
  const series = {
    periods: columns.slice(1).map(([name]) => name),
    totals: rows[0].slice(1),
    counts: new Map(rows.slice(1).map((row, i) => [data.topics[i].topic, row.slice(1)])),
  };
  const order = find('time-order');
  const measure = find('time-measure');
  const more = find('time-more');
  let shown = AT_FIRST;
  const pictures = new Map(); // topic, or 'all' -> its cell and how to draw it
  const pictureOf = (key, build) => {
    if (!pictures.has(key)) pictures.set(key, build());
    return pictures.get(key);
  };
  const show = () => {
    const sorted = [...data.topics].sort((a, b) => ORDERS[order.value](a, b) || a.topic - b.topic).slice(0, shown);
    const cells = [
      pictureOf('all', () => picture(null, series, measure)),
      ...sorted.map(topic => pictureOf(topic.topic, () => picture(topic, series, measure))),
    ];
    place.replaceChildren(...cells.map(cell => cell.element));
    more.hidden = shown >= data.topics.length;
  };
  order.addEventListener('change', show);
  measure.addEventListener('change', () => {
    for (const { draw } of pictures.values()) draw();
  });
  more.addEventListener('click', () => {
    shown += AT_ONCE;
    show();
  });
  show();
}

function picture(topic, series, measure) {
  const element = make('div', '', 'multiple');
  const head = make('h4');
  if (topic) {
    const link = make('a');
    link.href = `#${topic.anchor}`;
    link.append(make('bdi', topic.name));
    head.append(link);
  } else head.textContent = 'All documents';
  const plot = make('div', '', 'plot');
  const told = {
    tabindex: 0,
    role: 'application',
    'aria-roledescription': 'chart',
    'aria-label': `${topic ? topic.name : 'All documents'} over time; the numbers are in the table behind it`,
    'aria-describedby': 'chart-keys',
  };
  for (const [name, value] of Object.entries(told)) plot.setAttribute(name, value);
  element.append(head, plot);
  return { element, draw: chart(plot, () => lineOf(topic, series, topic && measure.value === 'share')) };
}

function lineOf(topic, { periods, totals, counts }, asShare) {
  const own = topic ? counts.get(topic.topic) : totals;
  const values = own.map((count, i) => (asShare ? (totals[i] >= data.fewest ? count / totals[i] : null) : count));
  const hue = topic ? topicColour(topic) : colour('--soft');
  const spans = (topic?.bursts ?? []).map(([first, last]) => [
    { xAxis: Math.max(first - 0.5, 0) },
    { xAxis: Math.min(last + 0.5, periods.length - 1) },
  ]);
  return {
    ...common(),
    grid: { left: 40, right: 8, top: 8, bottom: 20 },
    tooltip: {
      ...common().tooltip,
      trigger: 'axis',
      formatter: ([{ dataIndex: i }]) =>
        tipOf(
          periods[i],
          plural(own[i], 'document'),
          topic && totals[i] && `${percent(own[i] / totals[i])} of ${number.format(totals[i])}`,
        ),
    },
    xAxis: axis({
      type: 'value',
      min: 0,
      max: periods.length - 1,
      interval: Math.max(1, periods.length - 1),
      splitLine: { show: false },
      axisLabel: {
        formatter: i => periods[i] ?? '',
        alignMinLabel: 'left',
        alignMaxLabel: 'right',
        showMinLabel: true,
        showMaxLabel: true,
      },
    }),
    yAxis: axis({
      type: 'value',
      min: 0,
      splitNumber: 2,
      axisLabel: { formatter: value => (asShare ? `${+(100 * value).toFixed(2)}%` : number.format(value)) },
    }),
    series: [
      {
        type: 'line',
        data: values.map((value, i) => [i, value]),
        showSymbol: false,
        lineStyle: { color: hue, width: 1.6 },
        itemStyle: { color: hue },
        areaStyle: { color: hue, opacity: 0.13 },
        markArea: spans.length ? { silent: true, itemStyle: { color: colour('--burst') }, data: spans } : undefined,
      },
    ],
  };
}
