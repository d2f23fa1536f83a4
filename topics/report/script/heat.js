// --- heat maps: topics by class, terms by topic
const ROW = 19; // pixels

function heat({ across, down, cells, tip, most, tilt }) {
  return {
    ...common(),
    grid: { left: 4, right: 8, top: 4, bottom: 4, containLabel: true },
    tooltip: { ...common().tooltip, position: 'top', formatter: ({ value }) => tip(value[0], value[1]) },
    xAxis: axis({
      type: 'category',
      data: across,
      position: 'top',
      splitLine: { show: false },
      axisLine: { show: false },
      axisLabel: { rotate: -tilt, interval: 0, width: 110, overflow: 'truncate' },
    }),
    yAxis: axis({
      type: 'category',
      data: down,
      inverse: true,
      splitLine: { show: false },
      axisLine: { show: false },
      axisLabel: { interval: 0, width: innerWidth < 600 ? 96 : 190, overflow: 'truncate', color: colour('--ink') },
    }),
    visualMap: {
      show: false,
      min: 0,
      max: most || 1,
      inRange: { color: [colour('--heat0'), colour('--heat1'), colour('--heat2')] },
    },
    series: [
      {
        type: 'heatmap',
        data: cells,
        itemStyle: { borderColor: colour('--paper'), borderWidth: 1 },
        emphasis: emphasised(),
      },
    ],
  };
}

function startClasses() {
  const place = find('class-heat');
  if (!place) return;
  const { columns, rows } = data.tables.classes;
  const names = columns.slice(1).map(([name]) => name);
  const totals = rows[0].slice(1);
  const shown = [...data.topics].sort((a, b) => b.size - a.size).slice(0, 40);
  const counts = new Map(rows.slice(1).map((row, i) => [data.topics[i].topic, row.slice(1)]));
  const of = find('classes-of');
  const draw = chart(
    place,
    () => {
      const share = (topic, c) => counts.get(topic.topic)[c] / ((of.value === 'topic' ? topic.size : totals[c]) || 1);
      const cells = shown.flatMap((topic, y) => names.map((_, x) => [x, y, share(topic, x)]));
      const tip = (x, y) => {
        const topic = shown[y];
        const count = counts.get(topic.topic)[x];
        return tipOf(
          `${topic.name} × ${names[x]}`,
          plural(count, 'document'),
          `${percent(count / topic.size)} of the topic`,
          totals[x] && `${percent(count / totals[x])} of the class`,
        );
      };
      return heat({ across: names, down: shown.map(topic => topic.name), cells, tip, most: 1, tilt: 60 });
    },
    ({ value }) => shown[value[1]].topic,
  );
  of.addEventListener('change', draw);
  draw.size(130 + ROW * shown.length, 120 + 20 * names.length);
}

function startWords() {
  const place = find('word-heat');
  if (!place) return;
  const { columns, rows } = data.tables.words;
  const ids = columns.slice(1).map(([name]) => name);
  const draw = chart(
    place,
    () => {
      const cells = rows.flatMap(([, ...weights], y) => {
        const most = Math.max(...weights) || 1;
        return weights.map((weight, x) => [x, y, weight / most]);
      });
      const tip = (x, y) =>
        tipOf(`${rows[y][0]} × ${ids[x]}`, `c-TF-IDF ${rows[y][x + 1].toFixed(4)}`, byId.get(ids[x])?.name);
      return heat({ across: ids, down: rows.map(row => row[0]), cells, tip, most: 1, tilt: 60 });
    },
    ({ value }) => byId.get(ids[value[0]])?.topic,
  );
  draw.size(70 + (ROW - 3) * rows.length, 120 + 20 * ids.length);
}
