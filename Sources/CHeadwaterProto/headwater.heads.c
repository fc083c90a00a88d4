#include "headwater.heads.h"

#include "headwater.pb-c.h"

#include <string.h>

static const ProtobufCMessageDescriptor *const heads[] = {
    &headwater__v1__error_detail__descriptor,
    &headwater__v1__receive_limits__descriptor,
    &headwater__v1__hello_request__descriptor,
    &headwater__v1__peer__descriptor,
    &headwater__v1__hello_reply__descriptor,
    &headwater__v1__column_spec__descriptor,
    &headwater__v1__output__descriptor,
    &headwater__v1__apply_request__descriptor,
    &headwater__v1__apply_reply__descriptor,
    &headwater__v1__promote_request__descriptor,
    &headwater__v1__remove_request__descriptor,
    &headwater__v1__list_request__descriptor,
    &headwater__v1__describe_request__descriptor,
    &headwater__v1__jsonreply__descriptor,
    &headwater__v1__write_request__descriptor,
    &headwater__v1__write_reply__descriptor,
    &headwater__v1__get_request__descriptor,
    &headwater__v1__get_reply__descriptor,
    &headwater__v1__get_prepared_request__descriptor,
    &headwater__v1__prepare_request__descriptor,
    &headwater__v1__prepare_reply__descriptor,
    &headwater__v1__history_request__descriptor,
    &headwater__v1__rows_data__descriptor,
    &headwater__v1__rows_end__descriptor,
    &headwater__v1__scan_request__descriptor,
    &headwater__v1__latest_request__descriptor,
    &headwater__v1__status_request__descriptor,
    &headwater__v1__audit_request__descriptor,
    &headwater__v1__hash_scope__descriptor,
    &headwater__v1__audit_digest_request__descriptor,
    &headwater__v1__audit_digest_reply__descriptor,
    &headwater__v1__audit_rows_request__descriptor,
    &headwater__v1__snapshot_request__descriptor,
    &headwater__v1__snapshot_reply__descriptor,
    &headwater__v1__compact_request__descriptor,
    &headwater__v1__compact_reply__descriptor,
    &headwater__v1__open_producer_request__descriptor,
    &headwater__v1__open_producer_reply__descriptor,
    &headwater__v1__follow_request__descriptor,
    &headwater__v1__follow_data__descriptor,
    &headwater__v1__follow_end__descriptor,
    &headwater__v1__acknowledge_request__descriptor,
    &headwater__v1__acknowledge_reply__descriptor,
    &headwater__v1__forget_request__descriptor,
    &headwater__v1__forget_reply__descriptor,
    &headwater__v1__bootstrap_request__descriptor,
    &headwater__v1__bootstrap_data__descriptor,
    &headwater__v1__bootstrap_end__descriptor,
    &headwater__v1__accept_clock_request__descriptor,
    &headwater__v1__accept_clock_reply__descriptor,
};

const ProtobufCMessageDescriptor *headwater_head_descriptor(const char *name)
{
    for (size_t index = 0; index < sizeof heads / sizeof heads[0]; index++) {
        if (strcmp(heads[index]->short_name, name) == 0)
            return heads[index];
    }
    return NULL;
}
