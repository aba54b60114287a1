#pragma once
// The calling thread's name and its place behind the cores.
#include <string>

namespace andon {

/// Shown by top and perf; at most 15 characters.
void name_this_thread(const std::string& name);

/// For threads that carry calls: they work for microseconds at a time, so they ask the scheduler for short turns. A thread
/// that asks for less has its turn earlier when it wakes (EEVDF, Linux 6.12); older kernels ignore it.
void take_short_turns();

/// For threads whose work can wait (index, journal, watch): when all cores are busy, those that carry calls go first.
/// Best effort: without it everything works, only less evenly.
void yield_to_cores();

/// For work that must keep up: its fair share, but it does not interrupt a running core when it wakes.
void share_with_cores();

/// For a thread whose work may stand still for as long as the machine is busy: it gets what nothing else wants, and a
/// woken core takes its processor at once. For good: only a privileged thread could leave this state again.
void run_when_idle();

}  // namespace andon
