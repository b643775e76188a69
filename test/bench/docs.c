/* See docs.h. */
#include "test/bench/docs.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMES                                                                                      \
	"\"CreatedAt\":\"2026-01-02T03:04:05.976813028Z\","                                        \
	"\"UpdatedAt\":\"2026-01-02T03:04:06.235156194Z\","
#define IMAGES 300

void
docs_node_id(size_t i, char ret[static 26])
{
	(void) snprintf(ret, 26, "node%021zu", i);
}

void
docs_task_id(size_t i, char ret[static 26])
{
	(void) snprintf(ret, 26, "task%021zu", i);
}

const char *
docs_image(size_t service)
{
	static char image[128];

	(void) snprintf(image, sizeof(image), "registry.example/app-%zu:1.%zu@sha256:%064zx",
	                service % IMAGES, service % IMAGES, service % IMAGES);
	return image;
}

static void
node(FILE *to, size_t i)
{
	char id[26];

	docs_node_id(i, id);
	(void) fprintf(
	    to,
	    "{\"ID\":\"%s\",\"Version\":{\"Index\":%zu}," TIMES
	    "\"Spec\":{\"Labels\":{\"forager.cpus\":\"2\",\"zone\":\"z%zu\"},\"Role\":\"worker\","
	    "\"Availability\":\"active\"},\"Description\":{\"Hostname\":\"host-%zu\","
	    "\"Platform\":{\"Architecture\":\"x86_64\",\"OS\":\"linux\"},"
	    "\"Resources\":{\"NanoCPUs\":2000000000,\"MemoryBytes\":25274793984},"
	    "\"Engine\":{\"EngineVersion\":\"20.10.24\",\"Plugins\":[{\"Type\":\"Network\","
	    "\"Name\":\"bridge\"},{\"Type\":\"Network\",\"Name\":\"overlay\"},{\"Type\":\"Volume\","
	    "\"Name\":\"local\"}]}},\"Status\":{\"State\":\"ready\",\"Addr\":\"10.0.%zu.%zu\"}}",
	    id, 11 + i, i % 3, i, i / 250, i % 250 + 1);
}

/* TaskTemplate of a service, Spec of a task. */
static void
task_spec(FILE *to, size_t service)
{
	(void) fprintf(
	    to,
	    "{\"ContainerSpec\":{\"Image\":\"%s\",\"Args\":[\"serve\",\"--listen\",\":8080\"],"
	    "\"Env\":[\"LEVEL=info\",\"PEERS=a,b,c\"],\"Init\":false,\"Mounts\":[{\"Type\":"
	    "\"bind\","
	    "\"Source\":\"/etc/ssl\",\"Target\":\"/etc/ssl\",\"ReadOnly\":true}],"
	    "\"StopGracePeriod\":10000000000,\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"],"
	    "\"Interval\":5000000000},\"DNSConfig\":{},\"Isolation\":\"default\"},\"Resources\":{"
	    "\"Limits\":{\"NanoCPUs\":500000000,\"MemoryBytes\":268435456},\"Reservations\":{"
	    "\"NanoCPUs\":250000000,\"MemoryBytes\":134217728}},\"RestartPolicy\":{\"Condition\":"
	    "\"any\",\"Delay\":5000000000,\"MaxAttempts\":0},\"Placement\":{\"Constraints\":["
	    "\"node.role==worker\",\"node.labels.zone!=none\"],\"Platforms\":[{\"Architecture\":"
	    "\"amd64\",\"OS\":\"linux\"}]},\"Networks\":[{\"Target\":\"netw%021zu\"}],"
	    "\"ForceUpdate\":0,\"Runtime\":\"container\"}",
	    docs_image(service), service % 40);
}

static void
service_spec(FILE *to, size_t i)
{
	(void) fprintf(to,
	               "{\"Name\":\"stack-%zu_service-%zu\",\"Labels\":{\"com.docker.stack."
	               "namespace\":\"stack-%zu\",\"forager.mode\":\"auto\"},\"TaskTemplate\":",
	               i % 100, i, i % 100);
	task_spec(to, i);
	(void) fprintf(to,
	               ",\"Mode\":{\"Replicated\":{\"Replicas\":1}},\"UpdateConfig\":{"
	               "\"Parallelism\":1,\"Delay\":2000000000,\"FailureAction\":\"pause\","
	               "\"Monitor\":5000000000,\"MaxFailureRatio\":0,\"Order\":\"start-first\"},"
	               "\"EndpointSpec\":{\"Mode\":\"vip\",\"Ports\":[{\"Protocol\":\"tcp\","
	               "\"TargetPort\":8080,\"PublishedPort\":%zu,\"PublishMode\":\"ingress\"}]}}",
	               20000 + i);
}

/* With a PreviousSpec, as most services have one. */
static void
service(FILE *to, size_t i)
{
	(void) fprintf(to,
	               "{\"ID\":\"serv%021zu\",\"Version\":{\"Index\":%zu}," TIMES "\"Spec\":", i,
	               5000 + i);
	service_spec(to, i);
	(void) fputs(",\"PreviousSpec\":", to);
	service_spec(to, i);
	(void) fprintf(to,
	               ",\"Endpoint\":{\"Spec\":{\"Mode\":\"vip\"},\"VirtualIPs\":[{\"NetworkID\":"
	               "\"netw%021zu\",\"Addr\":\"10.1.%zu.%zu/16\"}]},\"UpdateStatus\":{\"State\":"
	               "\"completed\",\"StartedAt\":\"2026-01-02T03:04:05.1Z\",\"CompletedAt\":"
	               "\"2026-01-02T03:04:25.1Z\",\"Message\":\"update completed\"}}",
	               i % 40, i / 250, i % 250 + 1);
}

static void
task(FILE *to, size_t i, size_t n_nodes)
{
	char node_id[26], task_id[26];

	docs_node_id(i % n_nodes, node_id);
	docs_task_id(i, task_id);
	(void) fprintf(
	    to,
	    "{\"ID\":\"%s\",\"Version\":{\"Index\":%zu}," TIMES "\"Labels\":{},\"Spec\":", task_id,
	    9000 + i);
	task_spec(to, i);
	(void) fprintf(
	    to,
	    ",\"ServiceID\":\"serv%021zu\",\"Slot\":1,\"NodeID\":\"%s\",\"Status\":{"
	    "\"Timestamp\":\"2026-01-02T03:04:06.2Z\",\"State\":\"running\","
	    "\"Message\":\"started\",\"ContainerStatus\":{\"ContainerID\":\"%064zx\","
	    "\"PID\":%zu,\"ExitCode\":0},\"PortStatus\":{}},\"DesiredState\":\"running\","
	    "\"NetworksAttachments\":[{\"Network\":{\"ID\":\"netw%021zu\",\"Spec\":{"
	    "\"Name\":\"net-%zu\",\"DriverConfiguration\":{\"Name\":\"overlay\"},"
	    "\"Scope\":\"swarm\"}},\"Addresses\":[\"10.1.%zu.%zu/16\"]}]}",
	    i, node_id, i + 1, 400 + i, i % 40, i % 40, i / 250, i % 250 + 1);
}

/* An array of n objects that one writes. */
static char *
array(size_t n, size_t n_nodes, void (*one)(FILE *to, size_t i, size_t n_nodes))
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (to == NULL)
		abort();
	for (size_t i = 0; i < n; i++) {
		(void) fputc(i == 0 ? '[' : ',', to);
		one(to, i, n_nodes);
	}
	(void) fputc(']', to);
	if (fclose(to) != 0)
		abort();
	return text;
}

static void
one_node(FILE *to, size_t i, size_t n_nodes)
{
	(void) n_nodes;
	node(to, i);
}

static void
one_service(FILE *to, size_t i, size_t n_nodes)
{
	(void) n_nodes;
	service(to, i);
}

char *
docs_nodes(size_t n_nodes)
{
	return array(n_nodes, n_nodes, one_node);
}

char *
docs_services(size_t n_services)
{
	return array(n_services, 1, one_service);
}

char *
docs_tasks(size_t n_services, size_t n_nodes)
{
	return array(n_services, n_nodes, task);
}

const char *
docs_stats(void)
{
	return "{\"read\":\"2026-01-02T03:04:13.39480208Z\","
	       "\"preread\":\"0001-01-01T00:00:00Z\",\"pids_stats\":{\"current\":12},"
	       "\"blkio_stats\":{\"io_service_bytes_recursive\":[{\"major\":259,\"minor\":0,"
	       "\"op\":\"Read\",\"value\":1241088},{\"major\":259,\"minor\":0,"
	       "\"op\":\"Write\",\"value\":1654784},{\"major\":259,\"minor\":0,"
	       "\"op\":\"Sync\",\"value\":2068480},{\"major\":259,\"minor\":0,"
	       "\"op\":\"Async\",\"value\":2482176},{\"major\":259,\"minor\":0,"
	       "\"op\":\"Discard\",\"value\":2895872},{\"major\":259,\"minor\":0,"
	       "\"op\":\"Total\",\"value\":3309568}],"
	       "\"io_serviced_recursive\":[{\"major\":259,\"minor\":0,\"op\":\"Read\","
	       "\"value\":1241088},{\"major\":259,\"minor\":0,\"op\":\"Write\","
	       "\"value\":1654784},{\"major\":259,\"minor\":0,\"op\":\"Sync\","
	       "\"value\":2068480},{\"major\":259,\"minor\":0,\"op\":\"Async\","
	       "\"value\":2482176},{\"major\":259,\"minor\":0,\"op\":\"Discard\","
	       "\"value\":2895872},{\"major\":259,\"minor\":0,\"op\":\"Total\","
	       "\"value\":3309568}],\"io_queue_recursive\":[],"
	       "\"io_service_time_recursive\":[],\"io_wait_time_recursive\":[],"
	       "\"io_merged_recursive\":[],\"io_time_recursive\":[],\"sectors_recursive\":[]},"
	       "\"num_procs\":0,\"storage_stats\":{},"
	       "\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":331749603174960,"
	       "\"percpu_usage\":[165828687165828,165920916009132],"
	       "\"usage_in_kernelmode\":10000000000000,\"usage_in_usermode\":310000000000000},"
	       "\"system_cpu_usage\":3283880000000000,\"online_cpus\":2,"
	       "\"throttling_data\":{\"periods\":345678,\"throttled_periods\":1234,"
	       "\"throttled_time\":98765432100}},"
	       "\"precpu_stats\":{\"cpu_usage\":{\"total_usage\":0,\"usage_in_kernelmode\":0,"
	       "\"usage_in_usermode\":0},\"throttling_data\":{\"periods\":0,"
	       "\"throttled_periods\":0,\"throttled_time\":0}},"
	       "\"memory_stats\":{\"usage\":83148800,\"max_usage\":140386560,"
	       "\"stats\":{\"active_anon\":69632,\"active_file\":196608,\"cache\":323584,"
	       "\"dirty\":450560,\"hierarchical_memory_limit\":577536,"
	       "\"hierarchical_memsw_limit\":704512,\"inactive_anon\":831488,"
	       "\"inactive_file\":958464,\"mapped_file\":1085440,\"pgfault\":1212416,"
	       "\"pgmajfault\":1339392,\"pgpgin\":1466368,\"pgpgout\":1593344,\"rss\":1720320,"
	       "\"rss_huge\":1847296,\"total_active_anon\":1974272,"
	       "\"total_active_file\":2101248,\"total_cache\":2228224,\"total_dirty\":2355200,"
	       "\"total_inactive_anon\":2482176,\"total_inactive_file\":2609152,"
	       "\"total_mapped_file\":2736128,\"total_pgfault\":2863104,"
	       "\"total_pgmajfault\":2990080,\"total_pgpgin\":3117056,"
	       "\"total_pgpgout\":3244032,\"total_rss\":3371008,\"total_rss_huge\":3497984,"
	       "\"total_unevictable\":3624960,\"total_writeback\":3751936,"
	       "\"unevictable\":3878912,\"writeback\":4005888},\"failcnt\":0,"
	       "\"limit\":268435456},\"name\":\"/web.1.um7qc1ayqumfgd7bw6g4zqnbm\","
	       "\"id\":\"3e37362d1704b85f0d585d371f10518a4ece1aa8163e15322208ecaf806a4349\","
	       "\"networks\":{\"eth0\":{\"rx_bytes\":123456790,\"rx_packets\":98766,"
	       "\"rx_errors\":0,\"rx_dropped\":0,\"tx_bytes\":987654322,\"tx_packets\":87655,"
	       "\"tx_errors\":0,\"tx_dropped\":0},\"eth1\":{\"rx_bytes\":123456791,"
	       "\"rx_packets\":98767,\"rx_errors\":0,\"rx_dropped\":0,\"tx_bytes\":987654323,"
	       "\"tx_packets\":87656,\"tx_errors\":0,\"tx_dropped\":0}}}";
}
