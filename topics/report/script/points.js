// --- the documents on the map, column by column
async function readPoints() {
  const told = JSON.parse(find('points').textContent);
  const columns = ['x', 'y', 'topic', 'class', 'day', 'ids', 'words'];
  const [x, y, topic, classes, day, ids, words] = await Promise.all(columns.map(name => inflated(told[name])));
  const lines = buffer => buffer && new TextDecoder().decode(buffer).split('\n');
  return {
    n: told.n,
    x: new Uint16Array(x),
    y: new Uint16Array(y),
    topic: new Int16Array(topic),
    class: classes && new Int16Array(classes),
    day: day && new Int16Array(day),
    ids: lines(ids),
    words: lines(words),
  };
}

async function inflated(text) {
  if (!text) return null;
  const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).arrayBuffer();
}

const UNDATED = -32768;
const dayName = day => new Date(day * 86_400_000).toISOString().slice(0, 10);
