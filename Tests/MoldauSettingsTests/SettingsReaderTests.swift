import Configuration
import MoldauClient
import MoldauClusterKafka
import MoldauRecords
import MoldauRuntime
import MoldauServer
import MoldauSettings
import Testing

/// Options that are set by name.
struct SettingsReaderTests {
    private func read(_ sources: SettingsSource...) throws -> (ProducerOptions, [SettingsReader.InForce]) {
        var options = ProducerOptions()
        let inForce = try SettingsReader.read(sources) { try $0.fill(&options) }
        return (options, inForce)
    }

    @Test func `earlier sources take precedence, and each value is reported with its origin`() throws {
        let (options, inForce) = try read(
            .arguments(["--linger.ms=7", "--batch-size", "100"]),
            .environment(prefix: "SHOP", ["SHOP_LINGER_MS": "8", "SHOP_ACKS": "all", "OTHER": "x"]),
            try .properties("linger.ms=9\ncompression.type = zstd\n", origin: "a file"))
        #expect(options.linger == .milliseconds(7))
        #expect(options.batchSize == 100)
        #expect(options.acks == .all)
        #expect(options.compression == .zstd)
        func origin(_ name: String) -> String? { inForce.first { $0.name == name }?.origin }
        #expect(origin("linger.ms") == "command line")
        #expect(origin("acks") == "environment")
        #expect(origin("compression.type") == "a file")
        #expect(origin("max.block.ms") == nil)
        #expect(inForce.first { $0.name == "max.block.ms" }?.value == "60000")
    }

    @Test func `a provider of swift-configuration is a source, whatever its values' types`() throws {
        let provider = InMemoryProvider(values: [
            "linger.ms": 7, "enable.idempotence": true, "compression.type": "lz4",
        ])
        let (options, _) = try read(.provider(provider))
        #expect(options.linger == .milliseconds(7))
        #expect(options.idempotence == true)
        #expect(options.compression == .lz4)
    }

    @Test(arguments: [
        ("linger=1", "unknown setting 'linger' (a file); did you mean 'linger.ms'?"),
        ("bach.size=1", "unknown setting 'bach.size' (a file); did you mean 'batch.size'?"),
        ("linger.ms=-1", "a file: the setting linger.ms takes milliseconds, at least 0, not '-1'"),
        ("linger.ms=99999999999999999999", "a file: the setting linger.ms takes milliseconds, at least 0, not '9"),
        ("acks=2", "a file: the setting acks takes all, -1, 0 or 1, not '2'"),
        ("acks=1\nenable.idempotence=true", "the setting 'acks' is not valid: idempotence"),
        ("a=1\na=2", "a file: 'a' is set twice"), ("a=\\u00g0", "four hexadecimal digits"),
        ("a=b\\", "the last line ends with a backslash"),
    ])
    func `unknown and invalid settings are errors that explain what is valid`(text: String, sentence: String) {
        #expect {
            _ = try read(try .properties(text, origin: "a file"))
        } throws: {
            "\($0)".contains(sentence)
        }
    }

    @Test(arguments: [
        (["--linger.mss=1"], "unknown setting '--linger-mss' (command line); did you mean 'linger.ms'?"),
        (["--linger.ms"], "takes milliseconds"),
    ])
    func `invalid arguments are named in the error`(arguments: [String], sentence: String) {
        #expect {
            _ = try read(.arguments(arguments))
        } throws: {
            "\($0)".contains(sentence)
        }
    }

    @Test func `lists on the command line keep their commas`() throws {
        var options = ClientOptions(bootstrapServers: [])
        try SettingsReader.read([.arguments(["--bootstrap-servers", "a:1,b:2"])]) { try $0.fill(&options) }
        #expect(options.bootstrapServers.map(\.description) == ["a:1", "b:2"])
    }

    @Test func `lines of a file are parsed as in Java`() throws {
        let text = """
            # a comment
            ! another
            transactional.id : a\\tb \\u00e9
              batch.size   \\
                 17
            """
        let (options, _) = try read(try .properties(text, origin: "a file"))
        #expect(options.transactionalID == "a\tb é")
        #expect(options.batchSize == 17)
    }

    @Test func `secrets are set, but not reported`() throws {
        var options = KafkaOptions()
        let text = """
            security.protocol=SASL_SSL
            sasl.mechanism=SCRAM-SHA-256
            sasl.jaas.config=x required username="ann" password="a \\\\"word\\\\"";
            replication.factor=3
            """
        let inForce = try SettingsReader.read([.properties(text, origin: "a file")]) { try $0.fill(&options) }
        #expect(options.logIn?.user == "ann" && options.logIn?.password == "a \"word\"")
        #expect(options.tls != nil && options.replicationFactor == 3)
        let jaas = inForce.first { $0.name == "sasl.jaas.config" }
        #expect(jaas?.value == nil && jaas?.isSecret == true && jaas?.origin == "a file")
    }

    @Test func `an application is configured by Kafka Streams' setting names`() throws {
        var configuration = StreamsConfiguration()
        let text = """
            processing.guarantee=exactly_once_v2
            commit.interval.ms=250
            num.stream.threads=3
            max.task.idle.ms=-1
            moldau.state.memory.bytes=1048576
            topic.min.insync.replicas=2
            topic.retention.ms=5
            client.tag.zone=eu-1
            client.tag.rack=7
            """
        let inForce = try SettingsReader.read([
            .environment(prefix: "SHOP", ["SHOP_TOPIC_RETENTION_MS": "7"]), .properties(text, origin: "a file"),
        ]) { try $0.fill(&configuration) }
        #expect(configuration.clientTags == ["zone": "eu-1", "rack": "7"])
        #expect(configuration.internalTopicSettings == ["min.insync.replicas": "2", "retention.ms": "7"])
        #expect(inForce.first { $0.name == "topic.retention.ms" }?.origin == "environment")
        #expect(configuration.guarantee == .exactlyOnce && configuration.commitInterval == .milliseconds(250))
        #expect(configuration.streamThreads == 3 && configuration.taskIdling == .never)
        #expect(configuration.stateMemoryBytes == 1 << 20)
    }

    @Test func `a server is configured by a Kafka broker's setting names`() throws {
        var options = ServerOptions()
        let text = "super.users=User:a;User:b\nauto.create.topics.enable=FALSE\nconnections.max.reauth.ms=5000\n"
        try SettingsReader.read([.properties(text, origin: "a file")]) { try $0.fill(&options) }
        #expect(options.superUsers == ["a", "b"] && !options.createsTopics && options.logInLifetime == .seconds(5))
    }

    @Test(arguments: [
        ("earliest", ConsumerOptions.OffsetReset.earliest, "earliest"), ("LATEST", .latest, "latest"),
        ("none", .none, "none"), ("by_duration:PT1H30M", .byDuration(.seconds(5_400)), "by_duration:PT1H30M"),
        ("by_duration:P7D", .byDuration(.seconds(604_800)), "by_duration:PT168H"),
        ("by_duration:P1DT1.5S", .byDuration(.milliseconds(86_401_500)), "by_duration:PT24H1.5S"),
        ("by_duration:pt0.000000001s", .byDuration(.nanoseconds(1)), "by_duration:PT0.000000001S"),
        ("by_duration:PT0S", .byDuration(.zero), "by_duration:PT0S"),
    ])
    func `a consumer's offset reset is parsed and shown`(
        text: String, reset: ConsumerOptions.OffsetReset, shown: String
    ) throws {
        var options = ConsumerOptions()
        let inForce = try SettingsReader.read([.properties("auto.offset.reset=\(text)", origin: "a file")]) {
            try $0.fill(&options)
        }
        #expect(options.offsetReset == reset)
        #expect(inForce.first { $0.name == "auto.offset.reset" }?.value == shown)
    }

    @Test(arguments: [
        "by_duration", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:P1DT", "by_duration:1H",
        "by_duration:PT-1H", "by_duration:PT1H1D", "by_duration:PT1", "by_duration:PT1.S", "by_duration:PT٣S",
        "by_duration:PT9999999999S", "first",
    ])
    func `an invalid offset reset is rejected`(text: String) {
        var options = ConsumerOptions()
        #expect {
            try SettingsReader.read([.properties("auto.offset.reset=\(text)", origin: "a file")]) {
                try $0.fill(&options)
            }
        } throws: {
            "\($0)".contains("takes latest, earliest, none or by_duration:PnDTnHnMn.nS, not '\(text)'")
        }
    }

    @Test(arguments: [
        ("range", [ConsumerOptions.Assignor.range]), ("sticky, roundrobin", [.sticky, .roundRobin]),
        (
            "org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.RoundRobinAssignor",
            [.range, .roundRobin]
        ),
        (
            "org.apache.kafka.clients.consumer.StickyAssignor,"
                + "org.apache.kafka.clients.consumer.CooperativeStickyAssignor", [.sticky, .cooperativeSticky]
        ),
        ("com.shop.RangeAssignor", nil), ("range,RangeAssignor", nil), ("range,fair", nil), (",", nil),
    ])
    func `assignors are set by their names or those of Java's classes`(
        text: String, assignors: [ConsumerOptions.Assignor]?
    ) {
        var options = ConsumerOptions()
        let isPossible =
            (try? SettingsReader.read([.properties("partition.assignment.strategy=\(text)", origin: "a file")]) {
                try $0.fill(&options)
            }) != nil
        #expect(isPossible == (assignors != nil))
        #expect(options.assignors == assignors ?? ConsumerOptions().assignors)
    }

    /// Setting an option to the text that it shows changes nothing.
    @Test func `each setting can parse the text that it shows`() throws {
        func check<Options: NamedSettings>(_ options: Options) throws {
            #expect(Set(Options.namedSettings.map(\.name)).count == Options.namedSettings.count)
            for setting in Options.namedSettings {
                guard let text = setting.value(options) else { continue }
                var copy = options
                try setting.set(&copy, text)
                #expect(setting.value(copy) == text, "\(setting.name)")
            }
        }
        try check(try ClientOptions(bootstrapServers: "h:1"))
        try check(ProducerOptions())
        try check(ConsumerOptions(group: "g"))
        try check(AdminOptions())
        try check(KafkaOptions())
        try check(StreamsConfiguration())
        try check(ServerOptions())
    }
}
