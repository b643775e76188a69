/*
 * Watts as CloudSim's PowerModelSpecPower computes them, bit for bit (policy/power.h, which the
 * product uses, rounds otherwise). CloudSim 3.0.3, power/models/PowerModelSpecPower.java.
 */
#pragma once

#define WATTS_POINTS 11

/* SPECpower_ssj2008: HP ProLiant ML110 G4 (Xeon 3040) and G5 (Xeon 3075), 0, 10, … 100 %. */
extern const double watts_g4[WATTS_POINTS], watts_g5[WATTS_POINTS];

/* utilisation: 0 … 1, else the nearest end (CloudSim exits). */
double watts_at(const double *watts, double utilisation);
