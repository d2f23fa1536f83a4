// --- the map: points, names, zoom, drag, and a lasso
const CLOSEST = 60; // times the whole map
const NEAR = 2; // from here on sub-topics have names as well
const SLOW = 24; // milliseconds; who moves a map that takes longer to draw sees fewer points until it rests

function startMap() {
  const canvas = find('canvas');
  if (!canvas) return;
  readPoints().then(points => new DocumentMap(canvas, points).listen());
}

class DocumentMap {
  constructor(canvas, points) {
    this.canvas = canvas;
    this.points = points;
    this.tip = find('tip');
    this.context = canvas.getContext('2d', { alpha: false });
    this.raster = new Raster();
    this.labelled = data.topics.filter(topic => topic.place).sort((a, b) => b.size - a.size || a.topic - b.topic);
    const largest = Math.max(1, ...this.labelled.map(topic => topic.size));
    for (const topic of this.labelled) topic.scale = 0.88 + 0.42 * Math.sqrt(topic.size / largest);
    this.finer = this.labelled
      .flatMap(({ topic, subs }) => subs.map(([label, size, x, y]) => ({ topic, label, size, place: [x, y] })))
      .sort((a, b) => b.size - a.size);
    this.view = { zoom: 1, x: 0, y: 0 };
    this.at = { x: new Float32Array(points.n), y: new Float32Array(points.n) };
    this.mask = null; // of the documents picked out, beside those of a topic
    this.line = null; // of the lasso while it is drawn
    this.boxes = [];
    this.lets = {}; // what lets go of a search, of dates
    this.spent = 0;
    this.bounds = [points.x, points.y].map(values => {
      let [low, high] = [65_535, 0];
      for (const value of values) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      return [low, high];
    });
    this.soon = eachFrame(() => this.draw());
    this.moved = this.resting();
    this.recolour();
    new ResizeObserver(() => this.fit()).observe(canvas);
    repaints.push(() => this.recolour());
    followers.push(topic => this.tell(topic));
    this.tell(chosen);
    this.fit();
    // What is printed is drawn at once: no frame comes before the page is on paper.
    addEventListener('beforeprint', () => this.fit());
  }

  /** Draw fewer points while moving, if all take too long, and all of them once it rests. */
  resting() {
    let timer = 0;
    return () => {
      this.moving = this.spent > SLOW;
      this.tip.hidden = true;
      this.soon();
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (!this.moving) return;
        this.moving = false;
        this.soon();
      }, 120);
    };
  }

  fit() {
    this.dense = devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    if (!this.width) return;
    this.canvas.width = Math.round(this.width * this.dense);
    this.canvas.height = Math.round(this.height * this.dense);
    const margin = Math.min(34, this.width * 0.06);
    const [[left, right], [bottom, top]] = this.bounds;
    this.scale = Math.min(
      (this.width - 2 * margin) / (right - left || 1),
      (this.height - 2 * margin) / (top - bottom || 1),
    );
    this.draw();
  }

  recolour() {
    const by = find('map-colour')?.value ?? 'topic';
    this.palette = paletteOf(this.points, by);
    this.paper = rgb(colour('--paper'));
    this.ink = colour('--ink');
    this.sans = colour('--sans');
    const order = [];
    // Grey ones lie beneath.
    for (const grey of [true, false]) {
      for (const i of this.points.order) if ((this.palette.of[i] === 0) === grey) order.push(i);
    }
    this.order = order;
    showLegend(this.palette);
    if (this.width) this.draw();
  }

  across(x) {
    const [left, right] = this.bounds[0];
    return this.width / 2 + this.view.x + (x - (left + right) / 2) * this.scale * this.view.zoom;
  }

  up(y) {
    const [bottom, top] = this.bounds[1];
    return this.height / 2 + this.view.y - (y - (bottom + top) / 2) * this.scale * this.view.zoom;
  }

  picked(i) {
    return this.mask ? this.mask[i] === 1 : chosen === null || this.points.topic[i] === chosen;
  }

  draw() {
    if (!this.width) return;
    const began = performance.now();
    const { points, dense, palette, at } = this;
    const radius = Math.max(1.1, Math.min(4, 130 / Math.sqrt(points.n))) * Math.min(2.4, this.view.zoom ** 0.4);
    const device = radius * dense * (this.width < 500 ? 0.8 : 1);
    const dim = this.mask || chosen !== null;
    const pale = palette.colours.map(shade => mixed(shade, this.paper, 0.8));
    const shades = new Array(points.n);
    const layers = [[], []];
    const stride = this.moving ? Math.ceil(this.spent / SLOW) : 1;
    for (let k = 0; k < this.order.length; k += stride) {
      const i = this.order[k];
      at.x[i] = this.across(points.x[i]) * dense;
      at.y[i] = this.up(points.y[i]) * dense;
      const lit = !dim || this.picked(i);
      shades[i] = (lit ? palette.colours : pale)[palette.of[i]];
      layers[dim && lit ? 1 : 0].push(i);
    }
    this.raster.clear(this.canvas.width, this.canvas.height, this.paper);
    this.raster.discs(layers[0], at.x, at.y, shades, device, dim ? 0.6 : 0.78);
    this.raster.discs(layers[1], at.x, at.y, shades, device * 1.2, 0.95);
    this.raster.showOn(this.context);
    if (!this.moving) this.spent = performance.now() - began;
    this.context.setTransform(dense, 0, 0, dense, 0, 0);
    this.label();
    if (this.line) this.drawLine();
    this.context.setTransform(1, 0, 0, 1, 0, 0);
  }

  label() {
    const picked = chosen !== null && !this.mask;
    const topics = picked ? [byTopic.get(chosen)].filter(topic => topic?.place) : this.labelled;
    const taken = [{ l: this.width - 52, r: this.width, t: 0, b: 154 }]; // the zoom buttons
    const place = topic => [this.across(topic.place[0]), this.up(topic.place[1])];
    const size = {
      width: this.width,
      height: this.height,
      font: this.width < 500 ? 10.5 : 12.5,
      weight: 600,
      sans: this.sans,
      ink: this.ink,
      paper: `rgb(${this.paper})`,
      most: Math.round(this.width / 22) * Math.ceil(this.view.zoom),
    };
    this.boxes = drawLabels(this.context, topics, place, size, taken);
    if (this.view.zoom < NEAR && !picked) return;
    const finer = picked ? this.finer.filter(part => part.topic === chosen) : this.finer;
    const small = { ...size, font: size.font - 1, weight: 400 };
    this.boxes.push(...drawLabels(this.context, finer, place, small, [...taken, ...this.boxes]));
  }

  drawLine() {
    const { context } = this;
    context.beginPath();
    for (const point of this.line) context.lineTo(point.x, point.y);
    context.closePath();
    context.strokeStyle = this.ink;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
  }

  /** The point nearest to a place, or -1 if none is within reach. */
  nearest({ x, y }, reach) {
    const { points } = this;
    let best = -1;
    let least = reach * reach;
    for (let i = 0; i < points.n; i++) {
      const dx = this.across(points.x[i]) - x;
      const dy = this.up(points.y[i]) - y;
      // Points that are picked out win over others at the same place, and those with a topic over outliers.
      const far = dx * dx + dy * dy + (points.topic[i] < 0 ? 4 : 0) + (this.picked(i) ? 0 : 9);
      if (far < least) {
        least = far;
        best = i;
      }
    }
    return best;
  }

  hover(place) {
    const { tip, points } = this;
    const i = this.nearest(place, 12);
    tip.hidden = i < 0;
    if (i < 0) return;
    const topic = byTopic.get(points.topic[i]);
    const more = [
      topic ? `${topic.name} (${topic.id})` : 'no topic',
      points.class && points.class[i] >= 0 ? data.classes[points.class[i]] : '',
      points.day && points.day[i] !== UNDATED ? dayName(points.day[i]) : '',
    ];
    const [id, words, rest] = tip.children;
    id.textContent = points.ids[i];
    words.textContent = points.words?.[i] ?? '';
    rest.textContent = more.filter(Boolean).join(' · ');
    const x = this.across(points.x[i]);
    const y = this.up(points.y[i]);
    const toLeft = x + 14 + tip.offsetWidth > this.width;
    const below = y < tip.offsetHeight + 14;
    const left = toLeft ? Math.max(2, x - 14 - tip.offsetWidth) : x + 14;
    tip.style.transform = `translate(${left}px, ${below ? y + 12 : y - 12 - tip.offsetHeight}px)`;
  }

  zoomTo(zoom, { x, y } = { x: this.width / 2, y: this.height / 2 }) {
    const { view } = this;
    const next = Math.max(1, Math.min(CLOSEST, zoom));
    const ratio = next / view.zoom;
    view.x = x - this.width / 2 - (x - this.width / 2 - view.x) * ratio;
    view.y = y - this.height / 2 - (y - this.height / 2 - view.y) * ratio;
    view.zoom = next;
    if (next === 1) view.x = view.y = 0;
    this.canvas.classList.toggle('zoomed', next > 1);
    this.moved();
  }

  /** What stands below the map. */
  tell(topic) {
    const note = find('map-note');
    if (topic === null) {
      note.textContent = 'Point at a document to see what it is; click it to pick out its topic.';
    } else {
      const { id, name, size, colour } = byTopic.get(topic);
      const more = make('button', 'Terms and documents ↓');
      more.type = 'button';
      more.addEventListener('click', () => revealTopic(topic));
      note.replaceChildren(
        make('i', '', `dot c${colour}`),
        make('bdi', name),
        ` (${id}), ${plural(size, 'document')}`,
        more,
      );
    }
    if (this.width) this.draw();
  }

  /** Light documents up; what else they could be picked by lets go. */
  pick(mask, by = '') {
    this.mask = mask;
    for (const [name, letGo] of Object.entries(this.lets)) if (name !== by) letGo();
    showPicked(this.points, mask, () => this.pick(null));
    this.draw();
  }

  pickInside(line) {
    const mask = new Uint8Array(this.points.n);
    for (let i = 0; i < this.points.n; i++) {
      mask[i] = inside(this.across(this.points.x[i]), this.up(this.points.y[i]), line) ? 1 : 0;
    }
    this.pick(mask);
  }

  click(place) {
    const label = this.boxes.find(box => place.x > box.l && place.x < box.r && place.y > box.t && place.y < box.b);
    const i = this.nearest(place, 8);
    const topic = i >= 0 ? this.points.topic[i] : (label?.topic ?? -1);
    if (this.mask) this.pick(null);
    choose(topic < 0 || topic === chosen ? null : topic);
    if (i >= 0) this.hover(place);
  }

  listen() {
    listenToPointers(this);
    listenToKeys(this);
    listenToTools(this);
    startDates(this);
  }
}
