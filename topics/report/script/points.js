// --- the documents on the map, column by column
async function readPoints() {
  const told = JSON.parse(find('points').textContent);
  const columns = ['x', 'y', 'topic', 'class', 'day', 'ids', 'words'];
  const [x, y, topic, classes, day, ids, words] = await Promise.all(columns.map(name => inflated(told[name])));
  const lines = buffer => buffer && new TextDecoder().decode(buffer).split('\n');
  return {
    n: told.n,
    order: shuffled(told.n),
    x: new Uint16Array(x),
    y: new Uint16Array(y),
    topic: new Int16Array(topic),
    class: classes && new Int16Array(classes),
    day: day && new Int16Array(day),
    ids: lines(ids),
    words: lines(words),
  };
}

/** Numbers below n in an order that is the same every time; documents come sorted by topic. */
function shuffled(n) {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  let state = 1;
  for (let i = n - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

const UNDATED = -32768;
const dayName = day => new Date(day * 86_400_000).toISOString().slice(0, 10);
