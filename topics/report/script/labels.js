// --- names on the map: the larger topics first, each where there is room, more of them the closer one looks
/** Draw labels; gives back the boxes they took, to be clicked. */
function drawLabels(context, topics, place, size, taken) {
  const { width, height, ink, paper, most } = size;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.lineJoin = 'round';
  const boxes = [];
  const free = box => ![...taken, ...boxes].some(o => box.l < o.r && box.r > o.l && box.t < o.b && box.b > o.t);
  for (const topic of topics) {
    if (boxes.length >= most) break;
    const [x, y] = place(topic);
    if (x < 0 || y < 0 || x > width || y > height) continue;
    const font = Math.round(2 * size.font * (topic.scale ?? 1)) / 2;
    context.font = `${size.weight} ${font}px ${size.sans}`;
    topic.wide ??= new Map();
    if (!topic.wide.has(font)) topic.wide.set(font, context.measureText(topic.label).width);
    const half = topic.wide.get(font) / 2 + 5;
    const middle = Math.max(half + 2, Math.min(width - half - 2, x));
    for (const shift of [0, -1.4, 1.4, -2.6, 2.6]) {
      const line = y + shift * font;
      const box = {
        l: middle - half,
        r: middle + half,
        t: line - font * 0.8,
        b: line + font * 0.8,
        topic: topic.topic,
      };
      if (box.t < 2 || box.b > height - 2 || !free(box)) continue;
      boxes.push(box);
      context.globalAlpha = 0.9;
      context.strokeStyle = paper;
      context.lineWidth = 4.5;
      context.strokeText(topic.label, middle, line);
      context.globalAlpha = 1;
      context.fillStyle = ink;
      context.fillText(topic.label, middle, line);
      break;
    }
  }
  return boxes;
}
