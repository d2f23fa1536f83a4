// --- how far to trust it: each topic, and the dial
function startQuality() {
  const topics = find('topic-quality');
  if (topics) chart(topics, bubbles, ({ data: node }) => node.topic);
  const dial = find('dial');
  if (dial) chart(dial, curve);
}

function bubbles() {
  const known = data.topics.filter(topic => topic.coherence !== null && topic.stability !== null);
  const largest = Math.max(1, ...known.map(topic => topic.size));
  return {
    ...common(),
    grid: { left: 44, right: 18, top: 14, bottom: 40 },
    tooltip: {
      ...common().tooltip,
      formatter: ({ data: { topic } }) => {
        const { name, id, size, coherence, stability } = byTopic.get(topic);
        return tipOf(
          `${name} (${id})`,
          plural(size, 'document'),
          `coherence ${two(coherence)}, stability ${two(stability)}`,
        );
      },
    },
    xAxis: axis({ type: 'value', scale: true, name: 'coherence (NPMI)', nameLocation: 'middle', nameGap: 26 }),
    yAxis: axis({ type: 'value', scale: true, max: 1, name: 'stability', nameLocation: 'middle', nameGap: 32 }),
    series: [
      {
        type: 'scatter',
        emphasis: emphasised(),
        data: known.map(topic => ({
          value: [topic.coherence, topic.stability],
          topic: topic.topic,
          symbolSize: 6 + 30 * Math.sqrt(topic.size / largest),
          itemStyle: { color: topicColour(topic), opacity: 0.75, borderColor: colour('--paper') },
        })),
      },
    ],
  };
}

function curve() {
  const { rows } = data.tables.dial;
  const hue = colour('--c0');
  const here = data.coverage;
  return {
    ...common(),
    grid: { left: 44, right: 24, top: 22, bottom: 40 },
    tooltip: {
      ...common().tooltip,
      trigger: 'axis',
      formatter: ([{ dataIndex: i }]) =>
        tipOf(
          `${percent(rows[i][0])} of the documents`,
          `expected agreement ${rows[i][2].toFixed(3)}`,
          `threshold ${rows[i][1].toFixed(3)}`,
        ),
    },
    xAxis: axis({
      type: 'value',
      scale: true,
      max: 1,
      name: 'coverage',
      nameLocation: 'middle',
      nameGap: 26,
      axisLabel: { formatter: value => `${Math.round(100 * value)}%` },
    }),
    yAxis: axis({ type: 'value', scale: true, max: 1, name: 'agreement', nameLocation: 'middle', nameGap: 32 }),
    series: [
      {
        type: 'line',
        data: rows.map(([coverage, , agreement]) => [coverage, agreement]),
        lineStyle: { color: hue, width: 2 },
        itemStyle: { color: hue },
        symbolSize: 6,
        markLine:
          here === null
            ? undefined
            : {
                silent: true,
                symbol: 'none',
                lineStyle: { color: colour('--c1'), type: 'dashed' },
                label: { formatter: 'this run', color: colour('--ink'), fontSize: 11 },
                data: [{ xAxis: here }],
              },
      },
    ],
  };
}
