/* The null relay. */
#ifndef SINK_H
#define SINK_H

#include <stdint.h>

int sink_main(uint16_t control_port, uint16_t data_port);

#endif
