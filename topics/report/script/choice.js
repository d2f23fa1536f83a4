// --- one topic picked out, everywhere at once
let data = null;
let byTopic = null;
let byId = null;
let chosen = null;
const followers = []; // functions of the topic that is picked out, or null

function choose(topic) {
  chosen = topic;
  for (const follow of followers) follow(topic);
}
