// --- what the page is about, and the one topic that is picked out everywhere at once
let data = null;
let tables = null; // a promise of them, by name
let byTopic = null;
let byId = null;
let chosen = null;
const followers = []; // functions of the topic that is picked out, or null

function readData() {
  data = JSON.parse(find('data').textContent);
  tables = unpacked('tables').then(JSON.parse);
  byTopic = new Map(data.topics.map(topic => [topic.topic, topic]));
  byId = new Map(data.topics.map(topic => [topic.id, topic]));
}

function choose(topic) {
  chosen = topic;
  for (const follow of followers) follow(topic);
}
