// --- light and dark; a report opened from a file may have no storage, and does well without
const system = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (root.dataset.theme || (system.matches ? 'dark' : 'light')) === 'dark';
const repaints = []; // what has to be drawn again in other colours

function remember(theme) {
  try {
    localStorage.setItem('topics-theme', theme);
  } catch {
    /* private */
  }
}

try {
  const last = localStorage.getItem('topics-theme');
  if (last === 'light' || last === 'dark') root.dataset.theme = last;
} catch {
  /* private */
}

function startTheme() {
  const toggle = find('theme');
  const show = () => {
    toggle.setAttribute('aria-pressed', isDark());
    for (const repaint of repaints) repaint();
  };
  toggle.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    remember(root.dataset.theme);
    show();
  });
  system.addEventListener('change', show);
  let before;
  addEventListener('beforeprint', () => {
    before = root.dataset.theme;
    root.dataset.theme = 'light';
    show();
  });
  addEventListener('afterprint', () => {
    if (before) root.dataset.theme = before;
    else delete root.dataset.theme;
    show();
  });
  show();
}

const colour = name => getComputedStyle(root).getPropertyValue(name).trim();
const topicColour = topic => colour(`--c${topic.colour}`);
