// --- the table of topics: open, sort, filter, and a link to each
let bodies = null; // topic -> its part of the table

function openTopic(topic, wanted) {
  const body = bodies.get(topic);
  body.classList.toggle('open', wanted);
  body.querySelector('.name button').setAttribute('aria-expanded', wanted);
}

function revealTopic(topic) {
  const body = bodies.get(topic);
  if (body.hidden) {
    find('filter').value = '';
    filterTopics();
  }
  body.classList.remove('beyond');
  openTopic(topic, true);
  choose(topic);
  markAddress(body.id);
  body.scrollIntoView({ block: 'start' });
}

function markAddress(anchor) {
  try {
    history.replaceState(null, '', anchor ? `#${anchor}` : location.pathname);
  } catch {
    /* not here */
  }
}

function followAddress() {
  let anchor = location.hash.slice(1);
  try {
    anchor = decodeURIComponent(anchor);
  } catch {
    /* as it is */
  }
  const topic = data.topics.find(topic => topic.anchor === anchor);
  if (topic) revealTopic(topic.topic);
}

/** Links to a topic also work where the address names it already. */
function followLinks(event) {
  const link = event.target.closest?.('a[href^="#"]');
  const topic = link && data.topics.find(topic => `#${topic.anchor}` === link.getAttribute('href'));
  if (!topic) return;
  event.preventDefault();
  revealTopic(topic.topic);
  bodies.get(topic.topic).querySelector('.name button').focus({ preventScroll: true });
}

function openable(topic, body) {
  const cell = body.querySelector('.name');
  const button = make('button');
  button.type = 'button';
  button.setAttribute('aria-expanded', 'false');
  button.append(...cell.childNodes);
  cell.append(button);
  body.querySelector('.row').addEventListener('click', () => {
    if (String(getSelection())) return; // somebody wants to copy
    const wanted = !body.classList.contains('open');
    openTopic(topic, wanted);
    choose(wanted ? topic : null);
    markAddress(wanted ? body.id : '');
  });
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function compareBy(key, sign) {
  return (a, b) => {
    const [p, q] = [a[key], b[key]];
    if (p === null || q === null) return (p === null) - (q === null) || a.topic - b.topic; // last either way
    return sign * (typeof p === 'string' ? collator.compare(p, q) : p - q) || a.topic - b.topic;
  };
}

function sortable(table, head) {
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
    const sorted = [...data.topics].sort(compareBy(key, order === 'ascending' ? 1 : -1));
    table.append(...sorted.map(topic => bodies.get(topic.topic)));
    trimTopics();
  });
}

const held = new Map(); // what can be found in each topic
const FIRST = 100;
let most = FIRST; // rows shown at once

/** Of many topics that are found, show the first; the button shows all. */
function trimTopics() {
  const table = find('table');
  let found = 0;
  for (const body of table?.tBodies ?? []) {
    if (!body.hidden) found += 1;
    body.classList.toggle('beyond', found > most);
  }
  const button = find('rest');
  if (!button) return;
  button.hidden = found <= most;
  button.textContent = `Show all ${number.format(found)} topics`;
}

function filterTopics() {
  const words = find('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [topic, body] of bodies) {
    if (words.length && !held.has(topic)) held.set(topic, body.textContent.toLowerCase());
    body.hidden = !words.every(word => held.get(topic).includes(word));
    shown += !body.hidden;
  }
  find('shown').textContent = words.length ? `${number.format(shown)} of ${number.format(bodies.size)}` : '';
  find('nothing').hidden = shown > 0;
  trimTopics();
}

function startTopics() {
  bodies = new Map(data.topics.map(topic => [topic.topic, find(topic.anchor)]));
  for (const [topic, body] of bodies) openable(topic, body);
  const table = find('table');
  for (const head of table?.tHead.querySelectorAll('th:not([data-plain])') ?? []) sortable(table, head);
  find('filter')?.addEventListener('input', filterTopics);
  find('rest')?.addEventListener('click', () => {
    most = Infinity;
    trimTopics();
  });
  trimTopics();
  const all = find('all');
  all?.addEventListener('click', () => {
    const wanted = all.getAttribute('aria-pressed') !== 'true';
    all.setAttribute('aria-pressed', wanted);
    all.textContent = wanted ? 'Close all' : 'Open all';
    for (const topic of bodies.keys()) openTopic(topic, wanted);
  });
  let before = null;
  followers.push(topic => {
    bodies.get(before)?.classList.remove('chosen');
    bodies.get(topic)?.classList.add('chosen');
    before = topic;
  });
  addEventListener('hashchange', followAddress);
  document.addEventListener('click', followLinks);
}
