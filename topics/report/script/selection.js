// --- documents picked out by a lasso or a search, and the list of them
const LISTED = 50;

/** Whether points lie inside a closed line; the even-odd rule. */
function inside(x, y, line) {
  let odd = false;
  for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
    const [a, b] = [line[i], line[j]];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) odd = !odd;
  }
  return odd;
}

/** A mask of the points whose id, first words, or topic's name hold every word asked for. */
function searchPoints(points, asked) {
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  const names = new Map(data.topics.map(topic => [topic.topic, `${topic.id} ${topic.name}`.toLowerCase()]));
  const mask = new Uint8Array(points.n);
  for (let i = 0; i < points.n; i++) {
    const text = `${points.ids[i]} ${points.words?.[i] ?? ''} ${names.get(points.topic[i]) ?? ''}`.toLowerCase();
    mask[i] = words.every(word => text.includes(word)) ? 1 : 0;
  }
  return mask;
}

function showPicked(points, mask, letGo) {
  const panel = find('picked');
  panel.hidden = !mask;
  panel.replaceChildren();
  if (!mask) return;
  const rows = [];
  for (const i of points.order) if (mask[i]) rows.push(i);
  const sizes = new Map();
  for (const i of rows) sizes.set(points.topic[i], (sizes.get(points.topic[i]) ?? 0) + 1);
  const topics = [...sizes].filter(([topic]) => topic >= 0).sort((a, b) => b[1] - a[1]);
  const head = make('p', `${plural(rows.length, 'document')} in ${plural(topics.length, 'topic')}`, 'found');
  head.setAttribute('aria-live', 'polite');
  const clear = make('button', 'Let go', 'quiet');
  clear.type = 'button';
  clear.addEventListener('click', letGo);
  head.append(clear);
  panel.append(head);
  if (!rows.length) return;
  panel.append(chipsOf(topics), listOf(points, rows), saveButton(points, rows));
}

function chipsOf(topics) {
  const chips = make('p', '', 'chips');
  for (const [topic, size] of topics.slice(0, 12)) {
    const { anchor, name, colour } = byTopic.get(topic);
    const chip = make('a', '', 'chip');
    chip.href = `#${anchor}`;
    chip.append(make('i', '', `dot c${colour}`), make('bdi', name), ` ${number.format(size)}`);
    chips.append(chip);
  }
  if (topics.length > 12) chips.append(make('span', `and ${plural(topics.length - 12, 'more topic')}`));
  return chips;
}

function listOf(points, rows) {
  const list = make('ul', '', 'documents');
  for (const i of rows.slice(0, LISTED)) {
    const item = make('li');
    const id = make('code');
    id.append(make('bdi', points.ids[i]));
    item.append(id, ' ', make('bdi', points.words?.[i] ?? ''));
    list.append(item);
  }
  if (rows.length > LISTED)
    list.append(make('li', `… and ${number.format(rows.length - LISTED)} more, in the CSV`, 'none'));
  return list;
}

function saveButton(points, rows) {
  const save = make('button', 'Download these as CSV', 'csv');
  save.type = 'button';
  save.addEventListener('click', () => {
    const lines = rows.map(i => [points.ids[i], byTopic.get(points.topic[i])?.id ?? '', points.words?.[i] ?? '']);
    download('documents', csvOf(['id', 'topic_id', 'first_words'], lines));
  });
  return save;
}
