// --- the hierarchy: topics in as many groups as are asked for
/** The groups when so many topics are left, largest first. */
function groupsAt(topics) {
  const groups = new Map(data.topics.map(topic => [topic.topic, { name: topic.name, members: [topic] }]));
  for (const [kept, gone, name] of data.merges.slice(0, data.topics.length - topics)) {
    const [into, from] = [groups.get(kept), groups.get(gone)];
    into.members = [...into.members, ...from.members];
    into.name = name;
    groups.delete(gone);
  }
  const size = group => group.members.reduce((sum, topic) => sum + topic.size, 0);
  return [...groups.values()]
    .map(group => ({ ...group, size: size(group), members: group.members.sort((a, b) => b.size - a.size) }))
    .sort((a, b) => b.size - a.size);
}

function startHierarchy() {
  const cut = find('cut');
  if (!cut) return;
  let groups = [];
  const draw = chart(
    find('treemap'),
    () => treemapOf(groups),
    ({ data: node }) => node?.topic,
  );
  const show = () => {
    groups = groupsAt(Number(cut.value));
    find('cut-told').textContent = plural(groups.length, 'group');
    find('groups').replaceChildren(...groups.map(itemOf));
    draw();
  };
  cut.addEventListener('input', eachFrame(show));
  show();
}

function treemapOf(groups) {
  const leaf = topic => ({
    name: topic.name,
    value: topic.size,
    topic: topic.topic,
    itemStyle: { color: topicColour(topic) },
    label: { color: inkOn(topicColour(topic)) },
  });
  const nodes = groups.map(group =>
    group.members.length === 1
      ? leaf(group.members[0])
      : { name: group.name, value: group.size, children: group.members.map(leaf) },
  );
  const frame = { borderColor: colour('--paper'), borderWidth: 2, gapWidth: 1 };
  return {
    ...common(),
    tooltip: {
      ...common().tooltip,
      formatter: ({ name, value, data: node }) =>
        tipOf(name || 'All topics', plural(value, 'document'), node?.children && plural(node.children.length, 'topic')),
    },
    series: [
      {
        type: 'treemap',
        data: nodes,
        left: 0,
        right: 0,
        top: 0,
        bottom: 0,
        roam: false,
        nodeClick: false,
        breadcrumb: { show: false },
        label: { fontSize: 11.5, overflow: 'truncate' },
        upperLabel: {
          show: true,
          height: 20,
          fontSize: 11.5,
          fontWeight: 600,
          color: colour('--ink'),
          overflow: 'truncate',
        },
        itemStyle: frame,
        emphasis: emphasised(),
        levels: [
          { itemStyle: { borderWidth: 0, gapWidth: 4 } },
          { itemStyle: { borderColor: colour('--raised'), borderWidth: 3, gapWidth: 1 }, upperLabel: { show: true } },
          { itemStyle: { gapWidth: 1, borderWidth: 0 } },
        ],
      },
    ],
  };
}

function itemOf(group) {
  const item = make('li');
  const parts = make('span', '', 'parts');
  for (const topic of group.members) {
    const link = make('a', topic.id);
    link.href = `#${topic.anchor}`;
    link.title = topic.name;
    parts.append(link, ' ');
  }
  item.append(make('bdi', group.name, 'group'), make('span', ` ${plural(group.size, 'document')}`, 'none'), parts);
  return item;
}
