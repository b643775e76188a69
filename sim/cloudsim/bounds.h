/*
 * What no policy can beat, to be read beside the table: energy alone, no migration is counted.
 *
 *   fluid    each step's demand poured onto the hosts with the most MIPS a watt, each filled to the
 *            brim: below anything that can be built of whole VMs
 *   packing  each step's demand, known beforehand, packed by first fit decreasing onto as few hosts
 *            as it takes: what free moves and perfect forecasts would come close to
 */
#pragma once

#include "sim/cloudsim/score.h"

/* keep_idle: nothing is removed, so that VMs which CloudSim would have removed want again later. */
void bounds_fluid(const struct day *day, bool keep_idle, struct score *ret);
void bounds_packing(const struct day *day, bool keep_idle, struct score *ret);
