// --- everything begins once the page is there
document.addEventListener('DOMContentLoaded', () => {
  data = JSON.parse(find('data').textContent);
  byTopic = new Map(data.topics.map(topic => [topic.topic, topic]));
  byId = new Map(data.topics.map(topic => [topic.id, topic]));
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
