import FeatureModel
import Server
import Transport
import Wire

/// The metrics of a server: its status and its figures, by Prometheus' conventions. No label comes from a key.
struct ServerMetrics {
    /// `nil` while the stores are being opened.
    private let server: ServerView?
    private let others: OtherGroups

    init(_ server: ServerView?, _ others: OtherGroups) { (self.server, self.others) = (server, others) }

    func families() async -> [MetricFamily] {
        guard let server else {
            return [MetricFamily(.gauge, "headwater_ready", "Whether the server should get requests", .flag(false))]
        }
        let status = await server.status()
        let figures = server.figures()
        var families = [
            MetricFamily(
                .gauge, "headwater_ready", "Whether the server should get requests", .flag(server.reasonsNotReady().isEmpty)),
            MetricFamily(
                .gauge, "headwater_build_info", "1, with the version and the role of this server",
                [.init(labels: [("version", status.version), ("role", status.roles.joined(separator: "+"))], value: .integer(1))]),
        ]
        families.append(
            MetricFamily(
                .counter, "headwater_expression_nulls", "Nulls that expressions made where none came in, by reason",
                figures.expressionNulls.map { MetricFamily.Sample(labels: [("reason", $0.reason)], value: .integer($0.count)) }))
        families += requests(figures) + network(status, figures) + memory(figures)
        if let free = status.diskFreeBytes {
            families.append(
                MetricFamily(
                    .gauge, "headwater_disk_free_bytes", unit: "bytes", "What the disk of the data directory has free",
                    .integer(free)))
        }
        if let online = status.online { families += OnlineMetrics(online, figures).families() }
        if let offline = status.offline { families += OfflineMetrics(offline, figures).families() }
        families += bootstrap(status.bootstrap) + scrub(status.scrub) + audits(figures.audits)
        return families + GroupMetrics(status, others).families()
    }

    // MARK: Requests

    private func requests(_ figures: ServerFigures) -> [MetricFamily] {
        let methods = figures.requests.methods.sorted { $0.key.rawValue < $1.key.rawValue }
        return [
            MetricFamily(
                .counter, "headwater_requests", "Requests answered, by method and status",
                methods.flatMap { method, counts in
                    counts.answers.sorted { $0.key.rawValue < $1.key.rawValue }.map { status, count in
                        MetricFamily.Sample(
                            labels: [("method", method.plainName), ("status", status.name)], value: .integer(count))
                    }
                }),
            MetricFamily(
                .histogram, "headwater_request_duration_seconds", unit: "seconds",
                "From the moment that a request has come whole to its answer, by method",
                methods.map { method, counts in
                    MetricFamily.Sample(labels: [("method", method.plainName)], value: .histogram(counts.durations))
                }),
            MetricFamily(
                .gauge, "headwater_requests_in_flight", "Requests that have no answer yet", .integer(figures.requests.inFlight)),
            MetricFamily(
                .gauge, "headwater_requests_waiting", "Requests that wait for a thread, by kind of thread",
                figures.waiting.map { MetricFamily.Sample(labels: [("pool", $0.pool)], value: .integer($0.count)) }),
        ]
    }

    private func network(_ status: StatusReport, _ figures: ServerFigures) -> [MetricFamily] {
        var families = [
            MetricFamily(
                .counter, "headwater_connections_opened", "Connections that were opened", .integer(figures.connectionsEver)),
            MetricFamily(
                .counter, "headwater_network_received_bytes", unit: "bytes", "Bytes that came from clients",
                .integer(figures.requests.receivedBytes)),
            MetricFamily(
                .counter, "headwater_network_sent_bytes", unit: "bytes", "Bytes that went to clients",
                .integer(figures.requests.sentBytes)),
        ]
        guard let network = status.network else { return families }
        families += [
            MetricFamily(.gauge, "headwater_connections", "Connections that are open", .integer(network.connections)),
            MetricFamily(.gauge, "headwater_connections_max", "Connections that may be open", .integer(network.connectionsMax)),
            MetricFamily(
                .gauge, "headwater_network_memory_max_bytes", unit: "bytes", "Memory that requests and answers may take",
                .integer(network.bytesMax)),
            MetricFamily(
                .gauge, "headwater_loop_longest_turn_seconds", unit: "seconds",
                "The longest that one event loop ran in one turn since the start: so long others of its connections waited",
                .seconds(microseconds: Int64(network.longestTurnMicroseconds))),
        ]
        return families
    }

    private func memory(_ figures: ServerFigures) -> [MetricFamily] {
        [
            MetricFamily(
                .gauge, "headwater_memory_bytes", unit: "bytes",
                "Memory by what holds it; a snapshot is mapped, not all of it resident",
                figures.memory.map { MetricFamily.Sample(labels: [("owner", $0.owner)], value: .integer($0.bytes)) })
        ]
    }

    // MARK: What runs beside requests

    private func bootstrap(_ bootstrap: StatusReport.Bootstrap?) -> [MetricFamily] {
        guard let bootstrap else { return [] }
        return [
            MetricFamily(
                .gauge, "headwater_history_fetched_bytes", unit: "bytes", "What has come of the history that is being fetched",
                .integer(bootstrap.receivedBytes)),
            MetricFamily(
                .gauge, "headwater_history_fetch_total_bytes", unit: "bytes", "What the history that is being fetched takes",
                .integer(bootstrap.totalBytes)),
        ]
    }

    private func scrub(_ scrub: StatusReport.Scrub?) -> [MetricFamily] {
        guard let scrub else { return [] }
        var families = [
            MetricFamily(.gauge, "headwater_scrub_running", "Whether a scrub runs", .flag(scrub.isRunning)),
            MetricFamily(
                .gauge, "headwater_scrub_damage", "Damaged places that the last scrub found, or the running one so far",
                .integer(scrub.damageCount)),
            MetricFamily(
                .gauge, "headwater_scrub_differences", "Differences between the stores that the last scrub found",
                .integer(scrub.differenceCount)),
            MetricFamily(
                .gauge, "headwater_scrub_unread_parts", "Parts that the last scrub could not read whole",
                .integer(scrub.notRead?.count ?? 0)),
            MetricFamily(
                .gauge, "headwater_scrub_interval_seconds", unit: "seconds", "Between two scrubs; 0 where there are none",
                .integer(scrub.intervalSeconds ?? 0)),
        ]
        if let finished = scrub.finishedAt ?? scrub.previousFinishedAt {
            families.append(
                MetricFamily(
                    .gauge, "headwater_scrub_last_finished_timestamp_seconds", unit: "seconds",
                    "When a scrub last went through, since 1970 UTC", .seconds(microseconds: finished)))
        }
        return families
    }

    private func audits(_ audits: AuditRecord.Counts) -> [MetricFamily] {
        var families = [
            MetricFamily(
                .counter, "headwater_audits", "Comparisons of the stores, those of scrubs included",
                [
                    .init(labels: [("outcome", "finished")], value: .integer(audits.finished)),
                    .init(labels: [("outcome", "failed")], value: .integer(audits.failed)),
                ])
        ]
        guard let finished = audits.lastFinishedAt else { return families }
        families += [
            MetricFamily(
                .gauge, "headwater_audit_last_finished_timestamp_seconds", unit: "seconds",
                "When the stores were last compared, since 1970 UTC", .seconds(microseconds: finished)),
            MetricFamily(
                .gauge, "headwater_audit_last_differences", "Differences that the last comparison found",
                .integer(audits.lastDifferences)),
            MetricFamily(
                .gauge, "headwater_audit_last_position", "The position at which the stores were last compared",
                .integer(audits.lastPosition)),
            MetricFamily(
                .gauge, "headwater_audit_last_duration_seconds", unit: "seconds", "How long the last comparison took",
                .number(Double(audits.lastMilliseconds) / 1e3)),
        ]
        return families
    }
}
