// SPDX-License-Identifier: MIT
#include "operators/aggregate.h"
#include "operators/dedup.h"
#include "operators/fill.h"
#include "operators/filter.h"
#include "operators/flat_map.h"
#include "operators/join.h"
#include "operators/lookup.h"
#include "operators/map.h"
#include "operators/operator.h"
#include "operators/pattern.h"
#include "operators/process.h"
#include "operators/reorder.h"
#include "operators/route.h"
#include "operators/sample.h"
#include "operators/throttle.h"
#include "operators/top.h"
#include "operators/union.h"

const struct operator_class *const operator_classes[] = {
    &aggregate_class, &dedup_class,  &fill_class,   &filter_class,   &flat_map_class,
    &join_class,      &lookup_class, &map_class,    &pattern_class,  &process_class,
    &reorder_class,   &route_class,  &sample_class, &throttle_class, &top_class,
    &union_class,     NULL};
