(() => {
  'use strict';
  const root = document.documentElement;
  root.classList.add('js');

  // --- light and dark; a report opened from a file may have no storage, and does well without
  const remember = theme => { try { localStorage.setItem('topics-theme', theme); } catch { /* private */ } };
  try {
    const last = localStorage.getItem('topics-theme');
    if (last === 'light' || last === 'dark') root.dataset.theme = last;
  } catch { /* private */ }
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme || (system.matches ? 'dark' : 'light')) === 'dark';

  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer;
  const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const number = new Intl.NumberFormat('en');
  const find = id => document.getElementById(id);

  document.addEventListener('DOMContentLoaded', () => {
    const data = JSON.parse(find('data').textContent);
    const byTopic = new Map(data.topics.map(topic => [topic.topic, topic]));
    const bodies = new Map(data.topics.map(topic => [topic.topic, find(topic.anchor)]));
    const map = find('canvas') && drawMap(data, byTopic);
    let chosen = null;

    // --- one topic picked out, on the map and in the table
    function choose(topic) {
      if (chosen !== null) bodies.get(chosen).classList.remove('chosen');
      chosen = topic;
      if (topic !== null) bodies.get(topic).classList.add('chosen');
      map?.choose(topic);
      const note = find('map-note');
      if (!note) return;
      if (topic === null) {
        note.textContent = 'Point at a document to see what it is; click it to pick out its topic.';
        return;
      }
      note.replaceChildren();
      const { id, name, size, colour } = byTopic.get(topic);
      const dot = make('i', '');
      dot.className = `dot c${colour}`;
      const more = make('button', 'Terms and documents ↓');
      more.type = 'button';
      more.addEventListener('click', () => reveal(topic));
      note.append(dot, make('bdi', name), ` (${id}), ${number.format(size)} document${size === 1 ? '' : 's'}`, more);
    }

    function open(topic, wanted) {
      const body = bodies.get(topic);
      body.classList.toggle('open', wanted);
      body.querySelector('.name button').setAttribute('aria-expanded', wanted);
    }

    function reveal(topic) {
      const body = bodies.get(topic);
      if (body.hidden) { find('filter').value = ''; filter(); }
      open(topic, true);
      choose(topic);
      remark(body.id);
      body.scrollIntoView({ block: 'start' });
    }

    function remark(anchor) {
      try { history.replaceState(null, '', anchor ? `#${anchor}` : location.pathname); } catch { /* not here */ }
    }

    function follow() {
      let anchor = location.hash.slice(1);
      try { anchor = decodeURIComponent(anchor); } catch { /* as it is */ }
      const topic = data.topics.find(topic => topic.anchor === anchor);
      if (topic) reveal(topic.topic);
    }

    // --- the table
    for (const [topic, body] of bodies) {
      const cell = body.querySelector('.name');
      const button = make('button', '');
      button.type = 'button';
      button.setAttribute('aria-expanded', 'false');
      button.append(...cell.childNodes);
      cell.append(button);
      body.querySelector('.row').addEventListener('click', () => {
        if (String(getSelection())) return;  // somebody wants to copy
        const wanted = !body.classList.contains('open');
        open(topic, wanted);
        choose(wanted ? topic : null);
        remark(wanted ? body.id : '');
      });
    }

    const table = find('table');
    const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
    for (const head of table ? table.tHead.querySelectorAll('th:not([data-plain])') : []) {
      const button = make('button', head.textContent);
      button.type = 'button';
      head.replaceChildren(button);
      button.addEventListener('click', () => {
        const key = head.dataset.key;
        const before = head.getAttribute('aria-sort');
        const first = ['topic', 'id', 'name'].includes(key) ? 'ascending' : 'descending';
        const order = before ? (before === 'ascending' ? 'descending' : 'ascending') : first;
        for (const other of table.tHead.querySelectorAll('[aria-sort]')) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', order);
        const sign = order === 'ascending' ? 1 : -1;
        const sorted = [...data.topics].sort((a, b) => {
          const [p, q] = [a[key], b[key]];
          if (p === null || q === null) return (p === null) - (q === null) || a.topic - b.topic;  // last either way
          return sign * (typeof p === 'string' ? collator.compare(p, q) : p - q) || a.topic - b.topic;
        });
        table.append(...sorted.map(topic => bodies.get(topic.topic)));
      });
    }

    const box = find('filter');
    const held = new Map();  // what can be found in each topic
    function filter() {
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const [topic, body] of bodies) {
        if (words.length && !held.has(topic)) held.set(topic, body.textContent.toLowerCase());
        body.hidden = !words.every(word => held.get(topic).includes(word));
        shown += !body.hidden;
      }
      find('shown').textContent = words.length ? `${number.format(shown)} of ${number.format(bodies.size)}` : '';
      find('nothing').hidden = shown > 0;
    }
    box?.addEventListener('input', filter);

    const all = find('all');
    all?.addEventListener('click', () => {
      const wanted = all.getAttribute('aria-pressed') !== 'true';
      all.setAttribute('aria-pressed', wanted);
      all.textContent = wanted ? 'Close all' : 'Open all';
      for (const topic of bodies.keys()) open(topic, wanted);
    });

    // --- the rest of the page
    const toggle = find('theme');
    const show = () => { toggle.setAttribute('aria-pressed', isDark()); map?.repaint(); };
    toggle.addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark';
      remember(root.dataset.theme);
      show();
    });
    system.addEventListener('change', show);
    let before;
    addEventListener('beforeprint', () => { before = root.dataset.theme; root.dataset.theme = 'light'; show(); });
    addEventListener('afterprint', () => {
      if (before) root.dataset.theme = before; else delete root.dataset.theme;
      show();
    });
    addEventListener('keydown', event => { if (event.key === 'Escape' && event.target !== box) choose(null); });
    addEventListener('hashchange', follow);
    map?.listen(choose, reveal, () => chosen);
    choose(null);
    show();
    follow();
  });

  // --- the map: points on a canvas, labels where there is room, zoom and drag
  function drawMap(data, byTopic) {
    const canvas = find('canvas');
    const tip = find('tip');
    const context = canvas.getContext('2d');
    const xs = new Uint16Array(bytes(data.x));
    const ys = new Uint16Array(bytes(data.y));
    const topics = new Int32Array(bytes(data.topic));
    const labelled = data.topics.filter(topic => topic.place).sort((a, b) => b.size - a.size || a.topic - b.topic);
    const n = xs.length;
    const edges = values => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [65535, 0]);
    const [left, right] = edges(xs);
    const [bottom, top] = edges(ys);
    const view = { zoom: 1, x: 0, y: 0 };
    let width = 0, height = 0, scale = 1, chosen = null, palette, waiting = false;

    const across = x => width / 2 + view.x + (x - (left + right) / 2) * scale * view.zoom;
    const up = y => height / 2 + view.y - (y - (bottom + top) / 2) * scale * view.zoom;

    function fit() {
      const dense = devicePixelRatio || 1;
      width = canvas.clientWidth;
      height = canvas.clientHeight;
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
      context.setTransform(dense, 0, 0, dense, 0, 0);
      const margin = Math.min(34, width * .06);
      scale = Math.min((width - 2 * margin) / (right - left || 1), (height - 2 * margin) / (top - bottom || 1));
      draw();
    }

    function repaint() {
      const style = getComputedStyle(root);
      const colour = name => style.getPropertyValue(name).trim();
      palette = {
        topics: [0, 1, 2, 3, 4, 5, 6, 7].map(i => colour(`--c${i}`)),
        outlier: colour('--outlier'), ink: colour('--ink'), paper: colour('--paper'), sans: colour('--sans'),
      };
      draw();
    }

    function soon() {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(); });
    }

    function draw() {
      if (!palette || !width) return;
      context.clearRect(0, 0, width, height);
      const radius = Math.max(1.15, Math.min(4, 130 / Math.sqrt(n))) * Math.min(2, view.zoom ** .4) * (width < 500 ? .8 : 1);
      // Outliers lie beneath, what is picked out lies on top.
      const layer = wanted => {
        for (let i = 0; i < n; i++) {
          const topic = topics[i];
          const rank = topic < 0 ? 0 : topic === chosen ? 2 : 1;
          if (rank !== wanted) continue;
          const x = across(xs[i]), y = up(ys[i]);
          if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
          context.fillStyle = topic < 0 ? palette.outlier : palette.topics[byTopic.get(topic)?.colour ?? 0];
          context.beginPath();
          context.arc(x, y, rank === 2 ? radius * 1.25 : rank ? radius : radius * .8, 0, 6.2832);
          context.fill();
        }
      };
      const dim = chosen === null ? 1 : .16;
      context.globalAlpha = .6 * dim;
      layer(0);
      context.globalAlpha = .78 * dim;
      layer(1);
      context.globalAlpha = .95;
      layer(2);
      context.globalAlpha = 1;
      labels();
    }

    function labels() {
      const size = width < 500 ? 11 : 12.5;
      context.font = `600 ${size}px ${palette.sans}`;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      context.lineJoin = 'round';
      const taken = [{ l: width - 52, r: width, t: 0, b: 118 }];  // the zoom buttons
      const most = Math.round(width / 22) * Math.ceil(view.zoom);
      const candidates = chosen === null ? labelled : [byTopic.get(chosen)].filter(topic => topic.place);
      let drawn = 0;
      for (const topic of candidates) {
        if (drawn >= most) break;
        const [x, y] = [across(topic.place[0]), up(topic.place[1])];
        if (x < 0 || y < 0 || x > width || y > height) continue;
        const half = context.measureText(topic.label).width / 2 + 4;
        const middle = Math.max(half + 2, Math.min(width - half - 2, x));
        for (const shift of [0, -size * 1.4, size * 1.4, -size * 2.6, size * 2.6]) {
          const box = { l: middle - half, r: middle + half, t: y + shift - size * .75, b: y + shift + size * .75 };
          if (box.t < 2 || box.b > height - 2) continue;
          if (taken.some(other => box.l < other.r && box.r > other.l && box.t < other.b && box.b > other.t)) continue;
          taken.push(box);
          context.globalAlpha = .88;
          context.strokeStyle = palette.paper;
          context.lineWidth = 4.5;
          context.strokeText(topic.label, middle, y + shift);
          context.globalAlpha = 1;
          context.fillStyle = palette.ink;
          context.fillText(topic.label, middle, y + shift);
          drawn++;
          break;
        }
      }
    }

    function nearest(event, reach) {
      const box = canvas.getBoundingClientRect();
      const [px, py] = [event.clientX - box.left, event.clientY - box.top];
      let best = -1, least = reach * reach;
      for (let i = 0; i < n; i++) {
        const dx = across(xs[i]) - px, dy = up(ys[i]) - py;
        // Points with a topic win over outliers at the same place.
        const far = dx * dx + dy * dy + (topics[i] < 0 ? 4 : 0);
        if (far < least) { least = far; best = i; }
      }
      return best;
    }

    function hover(event) {
      const i = nearest(event, 12);
      tip.hidden = i < 0;
      if (i < 0) return;
      tip.firstElementChild.textContent = data.ids[i];
      tip.lastElementChild.textContent = topics[i] < 0 ? 'no topic' : byTopic.get(topics[i])?.name ?? '';
      const x = across(xs[i]), y = up(ys[i]);
      const toLeft = x + 14 + tip.offsetWidth > width, below = y < tip.offsetHeight + 14;
      const place = toLeft ? Math.max(2, x - 14 - tip.offsetWidth) : x + 14;
      tip.style.transform = `translate(${place}px, ${below ? y + 12 : y - 12 - tip.offsetHeight}px)`;
    }

    function zoomTo(zoom, px = width / 2, py = height / 2) {
      const next = Math.max(1, Math.min(40, zoom));
      const ratio = next / view.zoom;
      view.x = px - width / 2 - (px - width / 2 - view.x) * ratio;
      view.y = py - height / 2 - (py - height / 2 - view.y) * ratio;
      view.zoom = next;
      if (next === 1) view.x = view.y = 0;
      canvas.classList.toggle('zoomed', next > 1);
      tip.hidden = true;
      soon();
    }

    function listen(choose, reveal, current) {
      let drag = null;
      canvas.addEventListener('pointerdown', event => { drag = { x: event.clientX, y: event.clientY, moved: false }; });
      canvas.addEventListener('pointermove', event => {
        if (drag && view.zoom > 1 && event.buttons) {
          const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
          if (drag.moved || Math.hypot(dx, dy) > 4) {
            if (!drag.moved) canvas.setPointerCapture(event.pointerId);
            Object.assign(drag, { x: event.clientX, y: event.clientY, moved: true });
            view.x += dx;
            view.y += dy;
            tip.hidden = true;
            soon();
          }
          return;
        }
        if (event.pointerType !== 'touch') hover(event);
      });
      canvas.addEventListener('pointerleave', () => { tip.hidden = true; });
      canvas.addEventListener('pointercancel', () => { drag = null; });
      canvas.addEventListener('click', event => {
        const moved = drag?.moved;
        drag = null;
        if (moved) return;
        const i = nearest(event, 16);
        choose(i < 0 || topics[i] < 0 || topics[i] === current() ? null : topics[i]);
        if (i >= 0) hover(event);
      });
      canvas.addEventListener('dblclick', event => {
        const box = canvas.getBoundingClientRect();
        zoomTo(view.zoom * 2, event.clientX - box.left, event.clientY - box.top);
      });
      canvas.addEventListener('wheel', event => {
        if (!event.ctrlKey && !event.metaKey) return;  // the page scrolls
        event.preventDefault();
        const box = canvas.getBoundingClientRect();
        zoomTo(view.zoom * Math.exp(-event.deltaY / 200), event.clientX - box.left, event.clientY - box.top);
      }, { passive: false });
      canvas.addEventListener('keydown', event => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (step && labelled.length) {
          event.preventDefault();
          const at = labelled.findIndex(topic => topic.topic === current());
          const next = at < 0 ? (step > 0 ? 0 : labelled.length - 1) : (at + step + labelled.length) % labelled.length;
          choose(labelled[next].topic);
        } else if (event.key === 'Enter' && current() !== null) reveal(current());
        else if (event.key === '+') zoomTo(view.zoom * 1.6);
        else if (event.key === '-') zoomTo(view.zoom / 1.6);
        else if (event.key === '0') zoomTo(1);
      });
      find('closer').addEventListener('click', () => zoomTo(view.zoom * 1.6));
      find('farther').addEventListener('click', () => zoomTo(view.zoom / 1.6));
      find('whole').addEventListener('click', () => zoomTo(1));
    }

    new ResizeObserver(fit).observe(canvas);
    return { choose: topic => { chosen = topic; draw(); }, repaint, listen };
  }
})();
