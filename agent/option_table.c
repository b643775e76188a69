/* The options, each default with its reason; see option.h. Order: as `config show` prints them. */
#include "agent/option.h"

#include "agent/config.h"

#define MS       1.0
#define SECONDS  1000.0
#define MINUTES  60000.0
#define HOURS    3600000.0
#define DAYS     86400000.0
#define AT(f)    offsetof(struct config, f)
#define NODE(f)  offsetof(struct config_node, f)
#define PATH_LEN 180 /* Debian's libinih cuts lines at about 190 characters */

const struct option option_table[] = {
    {"docker", "host", OPTION_TEXT, AT(docker_host), 1, PATH_LEN, "unix:///var/run/docker.sock",
     .unit = "URL",
     .help =
         "The manager's Docker Engine API: unix:///PATH, tcp://HOST:PORT or https://HOST:PORT. "
         "It gives nodes, services, tasks and events, and is the only place that is written to."},
    {"docker", "tls-ca", OPTION_TEXT, AT(tls_ca), 0, PATH_LEN, "", .unit = "file",
     .help = "PEM file of the authority that signed the engines' certificates. Empty: the system's "
             "own authorities."},
    {"docker", "tls-cert", OPTION_TEXT, AT(tls_cert), 0, PATH_LEN, "", .unit = "file",
     .help = "PEM file of our client certificate, for every https endpoint. Needs tls-key."},
    {"docker", "tls-key", OPTION_TEXT, AT(tls_key), 0, PATH_LEN, "", .unit = "file",
     .help = "PEM file of the client certificate's key. Whoever reads it is root on every node: "
             "mode 0640, owner root, group forager."},
    {"docker", "timeout", OPTION_DURATION, AT(timeout_ms), 1 * SECONDS, 5 * MINUTES, "25s",
     .help =
         "Longest wait for one answer. A manager that lost its leader answers after 20 s with the "
         "reason: a little more lets it say so."},

    {"endpoint", "template", OPTION_TEXT, AT(endpoint_template), 0, PATH_LEN, "", .unit = "URL",
     .help =
         "How to reach each node's own engine, for its containers and stats; {addr}, {hostname} "
         "and {id} are replaced, e.g. https://{addr}:2376. Empty: only the manager's own "
         "containers are seen, every other node is blind."},
    {"endpoint", "node.*", OPTION_TEXT, NODE(endpoint), 1, PATH_LEN, "none", .unit = "URL",
     .help =
         "The endpoint of the node of this host name instead of the template's; none: the node is "
         "blind on purpose."},

    {"agent", "mode", OPTION_CHOICE, AT(mode), 0, 0, "observe",
     .choices = {"observe", "recommend", "auto"},
     .help =
         "observe: nothing is ever written to the Swarm. recommend: decisions are stored with the "
         "exact command to carry them out. auto: services that opted in by the label "
         "forager.mode=auto are moved. The more careful of this and the label counts."},
    {"agent", "sample-every", OPTION_DURATION, AT(sample_every_ms), 1 * SECONDS, 5 * MINUTES, "15s",
     .help = "How often a changing container is read. Each reading costs its engine about 3 ms of "
             "CPU: 15 s keeps 100 containers at 2 % of a core."},
    {"agent", "sample-stretch", OPTION_COUNT, AT(sample_stretch), 1, 20, "4",
     .help =
         "A stable container is read at most so many times less often; 1: all alike. 4 keeps five "
         "readings in each step of five minutes."},
    {"agent", "decide-every", OPTION_DURATION, AT(decide_every_ms), 1 * SECONDS, 1 * HOURS, "5m",
     .help = "A policy step. Moving is slow and pays over hours; a shorter step only adds noise."},
    {"agent", "state-dir", OPTION_TEXT, AT(state_dir), 1, PATH_LEN, "/var/lib/forager",
     .unit = "folder", .help = "Where the database and the actor's lock are."},
    {"agent", "request-poll", OPTION_DURATION, AT(request_poll_ms), 50 * MS, 1 * MINUTES, "500ms",
     .help = "How often foragerd looks for requests of the command line. It is one small read of "
             "the database; half a second feels immediate."},
    {"agent", "stats-in-flight", OPTION_COUNT, AT(stats_in_flight), 1, 256, "32",
     .help =
         "Most stats calls at once on one engine. It starts with 4 and grows while answers stay "
         "equally fast; more than 32 only adds to the engine's load."},
    {"agent", "log-level", OPTION_CHOICE, AT(log_level), 0, 0, "info",
     .choices = {"error", "warning", "notice", "info", "debug"},
     .help = "The least important lines that are logged."},

    {"policy", "algorithm", OPTION_CHOICE, AT(algorithm), 0, 0, "linear",
     .choices = {"linear", "tabular", "spread", "pbf"},
     .help =
         "linear: Q-learning with linear features. spread: Swarm's own rule, fewest tasks. pbf: "
         "probabilistic best fit, a tuned heuristic. tabular is not in this version."},
    {"policy", "weights", OPTION_TEXT, AT(weights), 1, PATH_LEN, "builtin", .unit = "file",
     .help = "What linear starts from when the database holds nothing learned: builtin, or a file "
             "written by `forager policy export`."},
    {"policy", "explore", OPTION_SWITCH, AT(explore), 0, 1, "on",
     .help = "Thompson exploration: decide by a sample of what the weights may be, so that what is "
             "uncertain gets tried. off: by their means."},
    {"policy", "horizon", OPTION_DURATION, AT(horizon_ms), 1 * MINUTES, 7 * DAYS, "2h",
     .help =
         "How far ahead costs count; discounting is exp(-t/horizon). 2 h outlasts the cost of a "
         "move and stays below the daily pattern."},
    {"policy", "seed", OPTION_COUNT, AT(seed), 0, 999999999999999, "1",
     .help = "Seed of every random choice. The same seed and the same observations give the same "
             "decisions."},

    {"moves", "settle", OPTION_CHOICE, AT(settle), 0, 0, "release", .choices = {"release", "hold"},
     .help =
         "What stands in a service's constraints after a move. release: exactly what its owner "
         "wrote. hold: also a short list of nodes to avoid, so that a failover lands well; it is "
         "not in this version."},
    {"moves", "per-hour", OPTION_COUNT, AT(per_hour), 0, 3600, "4",
     .help = "Most moves in any hour, in the whole cluster. Each one churns connections and "
             "overwrites PreviousSpec: few and good ones."},
    {"moves", "cooldown", OPTION_DURATION, AT(cooldown_ms), 0, 30 * DAYS, "6h",
     .help = "A moved service is left alone for so long; survives a restart."},
    {"moves", "sustain", OPTION_DURATION, AT(sustain_ms), 0, 1 * DAYS, "15m",
     .help = "A need must have lasted so long before it is acted upon: spikes pass by themselves."},
    {"moves", "min-gain", OPTION_PERCENT, AT(min_gain), 0, 10, "10%",
     .help =
         "Least gain of a move, as a share of what staying costs. Below 10 % the forecast's error "
         "is as large as the gain."},
    {"moves", "relief-line", OPTION_PERCENT, AT(relief_line), 0.10, 1, "85%",
     .help =
         "A node above this share of its usable cores is hot and is relieved first, and no move "
         "may load its target above it."},
    {"moves", "deadline", OPTION_DURATION, AT(deadline_ms), 5 * SECONDS, 1 * HOURS, "auto",
     .word = "auto",
     .help =
         "A move that is not verified by then is reverted. auto: the longer of 3 min and 3 x the "
         "service's start-up + monitor + delay."},
    {"moves", "deploy-quiet", OPTION_DURATION, AT(deploy_quiet_ms), 0, 30 * DAYS, "2h",
     .help = "A service that someone else changed is left alone for so long: then its owner's "
             "`docker service rollback` is not needed any more."},
    {"moves", "warm-up", OPTION_DURATION, AT(warm_up_ms), 0, 30 * DAYS, "1h",
     .help = "A fresh database only watches for so long."},
    {"moves", "node-quiet", OPTION_DURATION, AT(node_quiet_ms), 0, 1 * HOURS, "2m",
     .help =
         "A node whose record in the Swarm changed within this time is neither source nor target: "
         "a node event in the middle of a move makes Swarm stop tasks at once."},
    {"moves", "node-settle", OPTION_DURATION, AT(node_settle_ms), 0, 1 * DAYS, "15m",
     .help =
         "A node that joined, came back or was made active is no target for so long: nodes that "
         "flap do so within minutes."},
    {"moves", "lease", OPTION_DURATION, AT(lease_ms), 1 * SECONDS, 10 * MINUTES, "20s",
     .help = "Who acts holds a lease in the Swarm (config forager-lease) and renews it five times "
             "within this. A forager that dies in the middle of a move is replaced by the one on "
             "the Raft leader after a fifth more; shorter asks more of the clocks' speed."},

    {"objective", "energy", OPTION_NUMBER, AT(w_energy), 0, 1000, "1",
     .help = "Weight of energy: at 1, one unit of cost is what 100 W burn in 5 minutes."},
    {"objective", "response", OPTION_NUMBER, AT(w_response), 0, 1000, "1",
     .help =
         "Weight of services that miss their objective: (2 + severity) a service and step, so one "
         "violation is dearer than any saving."},
    {"objective", "reserved", OPTION_NUMBER, AT(w_reserved), 0, 1000, "0.1",
     .help = "Weight of what is reserved but not used."},
    {"objective", "move", OPTION_NUMBER, AT(w_move), 0, 1000, "3",
     .help = "Weight of moves: one costs so many units (3: what 100 W burn in a quarter of an "
             "hour), charged to the node it leaves."},
    {"objective", "traffic", OPTION_NUMBER, AT(w_traffic), 0, 1000, "1",
     .help = "Weight of traffic between nodes, half to each end."},

    {"power", "idle-watts", OPTION_NUMBER, AT(idle_watts), 0, 100000, "90", .unit = "W",
     .help = "What a node draws when idle, where neither its own option nor its label "
             "forager.idle-watts says it. Modelled watts are labelled so everywhere."},
    {"power", "max-watts", OPTION_NUMBER, AT(max_watts), 0, 100000, "150", .unit = "W",
     .help = "What a node draws under full load, likewise (label forager.max-watts)."},
    {"power", "curve", OPTION_TEXT, AT(curve), 1, 64, "linear",
     .help = "Shape between idle and full load: linear, or the name of a measured server."},
    {"power", "may-sleep", OPTION_SWITCH, AT(may_sleep), 0, 1, "no",
     .help =
         "Whether an empty node is put to sleep (by you or your tools). Only then does emptying a "
         "node save its idle power, and only then is it worth draining one."},
    {"power", "node.*.idle-watts", OPTION_NUMBER, NODE(idle_watts), 0, 100000, "100", .unit = "W",
     .help = "idle-watts of the node of this host name."},
    {"power", "node.*.max-watts", OPTION_NUMBER, NODE(max_watts), 0, 100000, "200", .unit = "W",
     .help = "max-watts of the node of this host name."},

    {"storage", "retention-raw", OPTION_DURATION, AT(retention_raw_ms), 1 * MINUTES, 365 * DAYS,
     "24h", .help = "How long single readings are kept; then they are rolled up to 5 minutes."},
    {"storage", "retention-5m", OPTION_DURATION, AT(retention_5m_ms), 1 * HOURS, 3650 * DAYS, "14d",
     .help = "How long values of 5 minutes are kept; then they are rolled up to hours."},
    {"storage", "retention-1h", OPTION_DURATION, AT(retention_1h_ms), 1 * DAYS, 3650 * DAYS, "400d",
     .help =
         "How long values of an hour are kept: more than a year, to compare seasons. Profiles and "
         "decisions stay."},
};

const size_t option_table_n = sizeof(option_table) / sizeof(option_table[0]);
