// --- small things that every part uses
const root = document.documentElement;
root.classList.add('js');
const find = id => document.getElementById(id);
const number = new Intl.NumberFormat('en');
const plural = (count, noun) => `${number.format(count)} ${noun}${count === 1 ? '' : 's'}`;
const percent = share => `${(100 * share).toFixed(share > 0 && share < 0.001 ? 2 : 1)}%`;
const two = value => (value === null ? '–' : value.toFixed(2).replace('-', '−'));

/** An element with text, which is never read as HTML. */
function make(tag, text = '', className = '') {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function bytes(text) {
  const letters = atob(text);
  const found = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) found[i] = letters.charCodeAt(i);
  return found;
}

async function inflated(text) {
  if (!text) return null;
  const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).arrayBuffer();
}

/** The text in a block of the page, unpacked. */
const unpacked = async id => new TextDecoder().decode(await inflated(find(id).textContent.trim()));

/** Call a function at most once a frame. */
function eachFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}

/** Call a function once, when an element is about to be seen or printed. */
function whenSeen(element, work) {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    watcher.disconnect();
    work();
  };
  const watcher = new IntersectionObserver(entries => entries.some(entry => entry.isIntersecting) && once(), {
    rootMargin: '400px',
  });
  watcher.observe(element);
  addEventListener('beforeprint', once);
}
