// --- everything begins once the page is there
document.addEventListener('DOMContentLoaded', () => {
  readData();
  unpackLibrary();
  startTopics();
  startMap();
  startHierarchy();
  startDownloads();
  tables.then(startCharts);
  startTheme();
  addEventListener('keydown', event => {
    if (event.key === 'Escape' && event.target.type !== 'search') choose(null);
  });
  followAddress();
});

/** What needs the tables, which are unpacked a moment after the page is there. */
function startCharts(told) {
  data.tables = told;
  startTime();
  startClasses();
  startWords();
  startQuality();
  root.classList.add('ready');
}
