// --- charts by keyboard: arrows go from mark to mark, and what the tooltip shows is told
/** What is drawn, in the order it is read, as tooltips and clicks take it. */
function marksOf({ series: [{ type, data: drawn }] }) {
  // ECharts counts the root of a tree, then each group before its parts.
  if (type === 'treemap') {
    const nodes = drawn.flatMap(node => [node, ...(node.children ?? [])]);
    return nodes.map((node, i) => ({ dataIndex: i + 1, data: node, name: node.name, value: node.value }));
  }
  const marks = drawn.map((one, i) => ({ dataIndex: i, data: one, value: one.value ?? one }));
  if (type === 'scatter') return marks.sort((a, b) => a.value[0] - b.value[0]);
  return marks.filter(({ value }) => value[1] !== null);
}

/** How far a key goes: along, and in a heat map from row to row. */
function strideOf(key, { series: [{ type }], xAxis }) {
  const row = type === 'heatmap' ? xAxis.data.length : 1;
  return { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[key];
}

function toldOf({ tooltip: { trigger, formatter } }, mark) {
  const tip = formatter(trigger === 'axis' ? [mark] : mark);
  return [...tip.children].map(line => line.textContent).join('; ');
}

/** Let a chart be walked; `shown` gives it and its option, or null until it is drawn. */
function walkable(place, shown, topicOf) {
  let at = null; // the mark one is at
  const act = (type, mark) => shown().drawn.dispatchAction({ type, seriesIndex: 0, dataIndex: mark.dataIndex });
  const showTip = mark => {
    const { drawn, option } = shown();
    if (option.tooltip.trigger !== 'axis') return act('showTip', mark);
    // In whole pixels: the last point may lie a trifle beyond the axis, and nothing is shown there.
    const [x, y] = drawn.convertToPixel({ seriesIndex: 0 }, mark.value).map(Math.round);
    drawn.dispatchAction({ type: 'showTip', x, y });
  };
  const leave = () => {
    if (!at) return;
    act('downplay', at);
    act('hideTip', at);
    at = null;
  };
  const go = mark => {
    leave();
    at = mark;
    act('highlight', mark);
    showTip(mark);
    place.querySelector('.tip')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    find('chart-told').textContent = toldOf(shown().option, mark);
  };
  const open = topic => {
    if (topic === undefined) return;
    revealTopic(topic);
    bodies.get(topic).querySelector('.name button').focus({ preventScroll: true });
  };
  place.addEventListener('blur', leave);
  place.addEventListener('keydown', event => {
    if (!shown() || event.ctrlKey || event.metaKey || event.altKey) return;
    const { option } = shown();
    const marks = marksOf(option);
    const stride = strideOf(event.key, option);
    const before = marks.findIndex(mark => mark.dataIndex === at?.dataIndex);
    let to = { Home: 0, End: marks.length - 1 }[event.key];
    if (stride) to = before >= 0 ? before + stride : stride > 0 ? 0 : marks.length - 1;
    if (to !== undefined) {
      event.preventDefault();
      if (marks[to]) go(marks[to]);
    } else if (event.key === 'Enter' && before >= 0) {
      event.preventDefault(); // else the button that gets the focus takes the key as well
      open(topicOf(marks[before]));
    } else if (event.key === 'Escape') {
      event.stopPropagation(); // the topic that is picked out stays
      place.blur();
    }
  });
}
