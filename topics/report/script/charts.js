// --- charts: the library is unpacked at once, and read when the first of them comes into view
let library = null; // a promise of its text

function unpackLibrary() {
  library = unpacked('library');
}

async function chartLibrary() {
  if (!globalThis.echarts) document.head.append(make('script', await library));
  return globalThis.echarts;
}

/**
 * Draw a chart once its place is seen, and again in other colours; gives back a function that draws it anew.
 * `topicOf` says which topic a mark stands for, which a click opens.
 */
function chart(place, options, topicOf = () => undefined) {
  let drawn = null;
  let option = null;
  const draw = () => {
    if (!drawn) return;
    option = options();
    drawn.setOption(option, { notMerge: true });
    // With it, paper of any width can scale what was drawn for the screen.
    place.querySelector('svg').setAttribute('viewBox', `0 0 ${drawn.getWidth()} ${drawn.getHeight()}`);
  };
  whenSeen(place, async () => {
    const charts = await chartLibrary();
    drawn = charts.init(place, null, { renderer: 'svg' });
    drawn.on('click', mark => {
      const topic = topicOf(mark);
      if (topic !== undefined) revealTopic(topic);
    });
    let width = place.clientWidth;
    new ResizeObserver(() => {
      if (place.clientWidth === width || matchMedia('print').matches) return;
      width = place.clientWidth;
      drawn.resize();
      draw();
    }).observe(place);
    repaints.push(draw);
    draw();
  });
  walkable(place, () => option && { drawn, option }, topicOf);
  return Object.assign(draw, {
    size: (height, width) => {
      place.style.setProperty('--h', `${height}px`);
      place.style.minWidth = `${width}px`;
    },
  });
}

/** What all charts have in common. */
function common() {
  return {
    animation: false,
    textStyle: { fontFamily: colour('--sans'), fontSize: 12, color: colour('--soft') },
    tooltip: {
      confine: true,
      transitionDuration: 0,
      axisPointer: { animation: false },
      backgroundColor: colour('--paper'),
      borderColor: colour('--faint'),
      borderWidth: 1,
      padding: [6, 10],
      textStyle: { color: colour('--ink'), fontSize: 12.5, fontFamily: colour('--sans') },
    },
  };
}

/** How the mark stands out that one points at, or came to by keyboard. */
const emphasised = () => ({ itemStyle: { borderColor: colour('--ink'), borderWidth: 2 } });

function axis(options = {}) {
  return {
    axisLine: { lineStyle: { color: colour('--faint') } },
    axisTick: { show: false },
    axisLabel: { color: colour('--soft'), fontSize: 11, ...options.axisLabel },
    splitLine: { lineStyle: { color: colour('--hair') } },
    nameTextStyle: { color: colour('--soft'), fontSize: 11.5 },
    ...Object.fromEntries(Object.entries(options).filter(([key]) => key !== 'axisLabel')),
  };
}

/** Lines of a tooltip as elements, so that no text is read as HTML. */
function tipOf(head, ...lines) {
  const made = make('div', '', 'tip');
  made.append(make('b', head), ...lines.filter(Boolean).map(line => make('div', line)));
  return made;
}
