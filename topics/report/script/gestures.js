// --- what pointers and keys do on the map
function listenToPointers(map) {
  const { canvas, view } = map;
  const down = new Map(); // pointers that are down
  let start = null;
  let apart = 0; // how far two fingers were
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [a, b] = [...down.values()];
    return { far: Math.hypot(a.x - b.x, a.y - b.y), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  };
  canvas.addEventListener('pointerdown', event => {
    const at = place(event);
    down.set(event.pointerId, at);
    start = { ...at, moved: false };
    if (down.size === 2) apart = spread().far;
    if (event.shiftKey || canvas.classList.contains('lasso')) map.line = [at];
  });
  canvas.addEventListener('pointermove', event => {
    const at = place(event);
    if (!down.has(event.pointerId)) {
      if (event.pointerType !== 'touch') map.hover(at);
      return;
    }
    const before = down.get(event.pointerId);
    down.set(event.pointerId, at);
    if (down.size === 2) {
      const { far, middle } = spread();
      map.zoomTo((view.zoom * far) / (apart || far), middle);
      apart = far;
      start.moved = true;
      return;
    }
    if (!start.moved && Math.hypot(at.x - start.x, at.y - start.y) < 4) return;
    if (!start.moved) canvas.setPointerCapture(event.pointerId);
    start.moved = true;
    if (map.line) {
      map.line.push(at);
      map.soon();
    } else if (view.zoom > 1 || event.pointerType !== 'touch') {
      view.x += at.x - before.x;
      view.y += at.y - before.y;
      map.moved();
    }
  });
  const lift = event => {
    down.delete(event.pointerId);
    const line = map.line;
    map.line = null;
    if (line && line.length > 2) map.pickInside(line);
  };
  canvas.addEventListener('pointerup', lift);
  canvas.addEventListener('pointercancel', event => {
    map.line = null;
    lift(event);
  });
  canvas.addEventListener('pointerleave', () => {
    map.tip.hidden = true;
  });
  canvas.addEventListener('click', event => {
    if (!start?.moved) map.click(place(event));
  });
  canvas.addEventListener('dblclick', event => map.zoomTo(view.zoom * 2, place(event)));
  canvas.addEventListener(
    'wheel',
    event => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      map.zoomTo(view.zoom * Math.exp(-event.deltaY / 200), place(event));
    },
    { passive: false },
  );
}

function listenToKeys(map) {
  const { labelled, view } = map;
  map.canvas.addEventListener('keydown', event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step && labelled.length) {
      event.preventDefault();
      const at = labelled.findIndex(topic => topic.topic === chosen);
      const next = at < 0 ? (step > 0 ? 0 : labelled.length - 1) : (at + step + labelled.length) % labelled.length;
      choose(labelled[next].topic);
    } else if (event.key === 'Enter' && chosen !== null) revealTopic(chosen);
    else if (event.key === '+') map.zoomTo(view.zoom * 1.6);
    else if (event.key === '-') map.zoomTo(view.zoom / 1.6);
    else if (event.key === '0') map.zoomTo(1);
  });
}

function listenToTools(map) {
  find('closer').addEventListener('click', () => map.zoomTo(map.view.zoom * 1.6));
  find('farther').addEventListener('click', () => map.zoomTo(map.view.zoom / 1.6));
  find('whole').addEventListener('click', () => map.zoomTo(1));
  find('map-colour')?.addEventListener('change', () => map.recolour());
  const box = find('map-find');
  box.addEventListener(
    'input',
    eachFrame(() => map.pick(searchPoints(map.points, box.value), 'search')),
  );
  map.lets.search = () => {
    box.value = '';
  };
  find('picture').addEventListener('click', () => map.canvas.toBlob(image => save('map.png', image)));
  const screen = find('screen');
  screen.hidden = !document.fullscreenEnabled;
  screen.addEventListener('click', () =>
    document.fullscreenElement ? document.exitFullscreen() : map.canvas.parentElement.requestFullscreen(),
  );
  const lasso = find('lasso');
  lasso.addEventListener('click', () => {
    const on = lasso.getAttribute('aria-pressed') !== 'true';
    lasso.setAttribute('aria-pressed', on);
    map.canvas.classList.toggle('lasso', on);
  });
  addEventListener('keydown', event => {
    if (event.key === 'Escape' && map.mask) map.pick(null);
  });
}
