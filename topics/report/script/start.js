// --- everything begins once the page is there
document.addEventListener('DOMContentLoaded', () => {
  readData();
  startTopics();
  startMap();
  startHierarchy();
  startTime();
  startClasses();
  startWords();
  startQuality();
  startDownloads();
  startTheme();
  addEventListener('keydown', event => {
    if (event.key === 'Escape' && event.target.type !== 'search') choose(null);
  });
  followAddress();
});
