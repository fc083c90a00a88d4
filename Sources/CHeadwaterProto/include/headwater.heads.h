#ifndef HEADWATER_HEADS_H
#define HEADWATER_HEADS_H

#include <protobuf-c/protobuf-c.h>

/// The descriptor of the message called `name` (as in Protos/headwater.proto, without the package); NULL if there is none.
const ProtobufCMessageDescriptor *headwater_head_descriptor(const char *name);

#endif
