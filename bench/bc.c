/* Betweenness centrality on a generated graph: the flags and the output of the GAP Benchmark Suite's `bc`,
   written anew, for one thread. `-q` leaves times out and prints a checksum after each trial instead, so
   that two runs can be compared line by line. */
#include "kernels/brandes.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "betweenness-centrality\n"
    " -h           : print this help message\n"
    " -g <scale>   : generate 2^scale kronecker graph\n"
    " -u <scale>   : generate 2^scale uniform-random graph\n"
    " -k <degree>  : average degree for the generated graph                [16]\n"
    " -s           : make the graph undirected (generated graphs always are)\n"
    " -n <n>       : perform n trials                                      [16]\n"
    " -i <i>       : sources in each trial                                  [1]\n"
    " -r <node>    : start from this node                                [rand]\n"
    " -a           : print the highest scores of the last trial         [false]\n"
    " -v           : check each trial against a slower way of counting  [false]\n"
    " -q           : print no times, and a checksum after each trial    [false]\n";

static int quiet = 0;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + now.tv_nsec * 1e-9;
}

static void print_time(const char *what, double value) {
  if (quiet) return;
  printf("%-20s %9.5f\n", what, value);
  fflush(stdout);
}

static uint32_t score_checksum(const graph *g, const brandes *b) { return fold_f32s(2166136261u, b->score, g->nodes); }

static void print_top_scores(const graph *g, const brandes *b) {
  uint32_t top[5];
  int count = 0;
  for (uint32_t u = 0; u < g->nodes; u++) {
    int at = count;
    while (at > 0 && b->score[top[at - 1]] < b->score[u]) at--;
    if (at == 5) continue;
    if (count < 5) count++;
    for (int i = count - 1; i > at; i--) top[i] = top[i - 1];
    top[at] = u;
  }
  for (int i = 0; i < count; i++) printf("%u:%.6g\n", (unsigned)top[i], (double)b->score[top[i]]);
}

/* Sums dependencies in doubles, level by level over all nodes, with no queue and no successor bits. */
static int verify(const graph *g, const brandes *b, const uint32_t *source, int count) {
  double *score = need(g->nodes * sizeof *score), *delta = need(g->nodes * sizeof *delta), largest = 0;
  double *paths = need(g->nodes * sizeof *paths);
  int32_t *depth = need(g->nodes * sizeof *depth), last;
  int good = 1;
  for (uint32_t u = 0; u < g->nodes; u++) score[u] = 0;
  for (int s = 0; s < count; s++) {
    for (uint32_t u = 0; u < g->nodes; u++) depth[u] = -1, paths[u] = delta[u] = 0;
    depth[source[s]] = 0;
    paths[source[s]] = 1;
    for (int32_t level = last = 0; level == last; level++)
      for (uint32_t u = 0; u < g->nodes; u++)
        if (depth[u] == level)
          for (uint32_t i = g->row[u]; i < g->row[u + 1]; i++) {
            uint32_t v = g->neighbour[i];
            if (depth[v] < 0) depth[v] = last = level + 1;
            if (depth[v] == level + 1) paths[v] += paths[u];
          }
    for (int32_t level = last; level >= 0; level--)
      for (uint32_t u = 0; u < g->nodes; u++)
        if (depth[u] == level) {
          for (uint32_t i = g->row[u]; i < g->row[u + 1]; i++) {
            uint32_t v = g->neighbour[i];
            if (depth[v] == level + 1) delta[u] += paths[u] / paths[v] * (1 + delta[v]);
          }
          score[u] += delta[u];
        }
  }
  for (uint32_t u = 0; u < g->nodes; u++)
    if (score[u] > largest) largest = score[u];
  for (uint32_t u = 0; u < g->nodes && good; u++)
    if (fabs(score[u] - largest * b->score[u]) > 1e-4 * largest) {
      printf("%u: %g != %g\n", (unsigned)u, (double)b->score[u], score[u] / largest);
      good = 0;
    }
  free(score), free(delta), free(paths), free(depth);
  return good;
}

int main(int argc, char **argv) {
  int scale = -1, uniform = 0, degree = 16, trials = 16, sources = 1, analyse = 0, check = 0, all_good = 1;
  long start = -1;
  for (int option; (option = getopt(argc, argv, "g:u:k:sn:i:r:avqhf:")) != -1;) {
    switch (option) {
      case 'g': scale = atoi(optarg); break;
      case 'u': scale = atoi(optarg); uniform = 1; break;
      case 'k': degree = atoi(optarg); break;
      case 's': break;
      case 'n': trials = atoi(optarg); break;
      case 'i': sources = atoi(optarg); break;
      case 'r': start = atol(optarg); break;
      case 'a': analyse = 1; break;
      case 'v': check = 1; break;
      case 'q': quiet = 1; break;
      case 'h': fputs(help, stdout); return 0;
      case 'f': fprintf(stderr, "bc: -f is not supported: graphs are generated, with -g or -u\n"); return 1;
      default: return 1;
    }
  }
  if (scale < 0) {
    printf("No graph input specified. (Use -h for help)\n");
    return 1;
  }
  if (scale > 24 || degree < 1 || ((uint64_t)degree << scale) > 1u << 26 || trials < 1 || sources < 1) {
    fprintf(stderr, "bc: -g from 0 to 24, -k, -n and -i at least 1, and 2^scale * degree at most 2^26\n");
    return 1;
  }
  if (start >= 1l << scale) {
    fprintf(stderr, "bc: -r must be less than %ld\n", 1l << scale);
    return 1;
  }
  if (sources > 1 && start >= 0) printf("Warning: iterating from same source (-r & -i)\n");

  double began = seconds();
  uint32_t count = (uint32_t)degree << scale;
  edge *edges = generate_edges(scale, count, uniform);
  print_time("Generate Time:", seconds() - began);
  began = seconds();
  graph g = build_graph(edges, count, 1u << scale);
  print_time("Build Time:", seconds() - began);
  uint32_t undirected = g.row[g.nodes] / 2;
  printf("Graph has %u nodes and %u undirected edges for degree: %u\n", (unsigned)g.nodes, (unsigned)undirected,
         (unsigned)(undirected / g.nodes));
  fflush(stdout);
  if (undirected == 0) {
    fprintf(stderr, "bc: the graph has no edges to start from\n");
    return 1;
  }

  brandes b = brandes_new(&g);
  uint32_t *source = need((size_t)sources * sizeof *source), sum = 2166136261u;
  random_state picker = random_seeded(27491095u);
  double total = 0;
  for (int trial = 0; trial < trials; trial++) {
    for (int i = 0; i < sources; i++) source[i] = start >= 0 ? (uint32_t)start : pick_source(&g, &picker);
    began = seconds();
    brandes_scores(&g, &b, source, sources);
    double took = seconds() - began;
    total += took;
    print_time("Trial Time:", took);
    uint32_t trial_sum = score_checksum(&g, &b);
    sum = fold(sum, trial_sum);
    if (quiet) printf("Trial %d from %u: %08x\n", trial + 1, (unsigned)source[0], (unsigned)trial_sum);
    if (check) {
      int good = verify(&g, &b, source, sources);
      all_good &= good;
      printf("Verification: %s\n", good ? "PASS" : "FAIL");
    }
    fflush(stdout);
  }
  if (analyse) print_top_scores(&g, &b);
  print_time("Average Time:", total / trials);
  printf("Checksum: %08x\n", (unsigned)sum);
  brandes_free(&b);
  free_graph(&g);
  free(source);
  return all_good ? 0 : 1;
}
