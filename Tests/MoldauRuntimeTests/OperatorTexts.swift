/// The description of each node of `OperatorDescriptionTests`' topologies. Indented: its stores, with shape, key, value
/// and size of windows.
enum OperatorTexts {
    static let stateless = """
        clicks: source of utf8 to utf8
        pattern: source of utf8 to int64
        filter: filter
        map: map
        mapValues: mapValues
        selectKey: selectKey
        flatMap: flatMap
        flatMapValues: flatMapValues
        mapValuesAsync: mapValuesAsync, 7 at a time
        peek: peek
        merge: merge
        process: process
        processValues: processValues
        repartition-repartition-filter: repartition to 3 partitions
        repartition-repartition-sink: sink of utf8 to utf8
        repartition-repartition-source: source of utf8 to utf8
        sink: sink of utf8 to utf8
        forEach: forEach
        print: forEach
        split-: split
        split-1: branch
        split-0: branch
        divert: divert
        divert-aside: diverted
        within: mapValues
        aside: mapValues
        chosen: sink of utf8 to utf8
        """

    static let aggregations = """
        numbers: source of utf8 to int64
        count: count, emits everyChange
            KSTREAM-AGGREGATE-STATE-STORE-0000000001: timestamped key-value|utf8|int64|
        reduce: reduce, emits lastPerCommit
            KSTREAM-REDUCE-STATE-STORE-0000000003: timestamped key-value|utf8|int64|
        aggregate: aggregate, emits everyChange
            KSTREAM-AGGREGATE-STATE-STORE-0000000005: timestamped key-value|utf8|int64|
        tumbling: count in tumbling windows of 60000 ms, grace 1000 ms, emits everyChange
            KSTREAM-AGGREGATE-STATE-STORE-0000000007: timestamped window|utf8|int64|60000
        hopping: reduce in hopping windows of 60000 ms every 1000 ms, grace 0 ms, emits everyChange
            KSTREAM-REDUCE-STATE-STORE-0000000009: timestamped window|utf8|int64|60000
        sliding: count in sliding windows of 60000 ms, grace 1000 ms, emits onWindowClose
            KSTREAM-AGGREGATE-STATE-STORE-0000000011: timestamped window|utf8|int64|60000
        unlimited: count in one window from 5 ms on, emits everyChange
            KSTREAM-AGGREGATE-STATE-STORE-0000000013: timestamped window|utf8|int64|9223372036854775807
        custom: count in custom windows of at most 60000 ms, grace 0 ms, emits everyChange
            KSTREAM-AGGREGATE-STATE-STORE-0000000015: timestamped window|utf8|int64|60000
        sessions: count in sessions with gaps up to 1000 ms, grace 60000 ms, emits everyChange
            KSTREAM-AGGREGATE-STATE-STORE-0000000017: session|utf8|int64|
        suppress-windows: suppress until the window closes, grace 61000 ms
            suppress-windows-store: suppressed changes|||
        cogroup-cogroup-agg-0: cogroup, emits everyChange
            COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000019: timestamped key-value|utf8|int64|
        cogroup-cogroup-merge: gather, emits everyChange
        cogroup-windows-cogroup-agg-0: cogroup in tumbling windows of 60000 ms, grace 1000 ms, emits everyChange
            COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000022: timestamped window|utf8|int64|60000
        cogroup-windows-cogroup-merge: gather, emits everyChange
        """

    static let tables = """
        cities-source: source of utf8 to utf8
        cities: table
            cities-store: timestamped key-value|utf8|utf8|
        rows: mapValues
        some-rows: filter
        transformValues: transformValues
        suppress: suppress until 5000 ms have passed
            suppress-store: suppressed changes|||
        toStream: toStream
        groupTable: groupTable
        count-rows-sink: sink of utf8 to ?
        count-rows-source: source of utf8 to ?
        count-rows: count, emits everyChange
            KTABLE-AGGREGATE-STATE-STORE-0000000007: timestamped key-value|utf8|int64|
        reduce-rows: reduce, emits everyChange
            KTABLE-AGGREGATE-STATE-STORE-0000000011: timestamped key-value|utf8|utf8|
        aggregate-rows: aggregate, emits everyChange
            KTABLE-AGGREGATE-STATE-STORE-0000000015: timestamped key-value|utf8|int64|
        table-input: source of utf8 to utf8
        toTable: table
        readOnly-source: source of utf8 to utf8
        readOnly: table
            read-only: key-value|utf8|utf8|
        globalStore: key-value|utf8|utf8|
        """

    static let joins = """
        left: source of utf8 to utf8
        right: source of utf8 to int64
        inner-this-windowed: joinWindow from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-JOINTHIS-0000000004-store: window with duplicates|utf8|utf8|
        inner-other-windowed: joinWindow from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-JOINOTHER-0000000005-store: window with duplicates|utf8|int64|
        inner-this-join: inner streamJoin from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-JOINOTHER-0000000005-store: window with duplicates|utf8|int64|
        inner-other-join: inner streamJoin from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-JOINTHIS-0000000004-store: window with duplicates|utf8|utf8|
        inner-merge: gather, emits everyChange
        left-join-this-windowed: joinWindow from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-JOINTHIS-0000000009-store: window with duplicates|utf8|utf8|
        left-join-other-windowed: joinWindow from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-OUTEROTHER-0000000010-store: window with duplicates|utf8|int64|
        left-join-this-join: left streamJoin from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-OUTEROTHER-0000000010-store: window with duplicates|utf8|int64|
            KSTREAM-OUTERSHARED-0000000009-store: unmatched records|utf8|utf8,int64|
        left-join-outer-other-join: left streamJoin from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-JOINTHIS-0000000009-store: window with duplicates|utf8|utf8|
            KSTREAM-OUTERSHARED-0000000009-store: unmatched records|utf8|utf8,int64|
        left-join-merge: gather, emits everyChange
        outer-this-windowed: joinWindow from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-OUTERTHIS-0000000014-store: window with duplicates|utf8|utf8|
        outer-other-windowed: joinWindow from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-OUTEROTHER-0000000015-store: window with duplicates|utf8|int64|
        outer-outer-this-join: outer streamJoin from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-OUTEROTHER-0000000015-store: window with duplicates|utf8|int64|
            KSTREAM-OUTERSHARED-0000000014-store: unmatched records|utf8|utf8,int64|
        outer-outer-other-join: outer streamJoin from 1000 ms before to 2000 ms after, grace 3000 ms
            KSTREAM-OUTERTHIS-0000000014-store: window with duplicates|utf8|utf8|
            KSTREAM-OUTERSHARED-0000000014-store: unmatched records|utf8|utf8,int64|
        outer-merge: gather, emits everyChange
        right-rows-source: source of utf8 to int64
        right-rows: table
            rows-store: versioned key-value|utf8|int64|
        row-join: inner streamTableJoin, grace 4000 ms
            rows-store: versioned key-value|utf8|int64|
            row-join-Buffer: waiting records|utf8|utf8|
        row-left-join: left streamTableJoin
            rows-store: versioned key-value|utf8|int64|
        global-join: inner streamGlobalTableJoin
        global-left-join: left streamGlobalTableJoin
        one-source: source of utf8 to utf8
        one: table
            one-store: timestamped key-value|utf8|utf8|
        two-source: source of utf8 to int64
        two: table
            two-store: timestamped key-value|utf8|int64|
        table-inner-join-this: inner tableJoin
            two-store: timestamped key-value|utf8|int64|
        table-inner-join-other: inner tableJoin
            one-store: timestamped key-value|utf8|utf8|
        table-inner: gather, emits everyChange
        table-left-join-this: left tableJoin
            two-store: timestamped key-value|utf8|int64|
        table-left-join-other: left tableJoin
            one-store: timestamped key-value|utf8|utf8|
        table-left: gather, emits everyChange
            joined-store: timestamped key-value|utf8|utf8|
        table-outer-join-this: outer tableJoin
            two-store: timestamped key-value|utf8|int64|
        table-outer-join-other: outer tableJoin
            one-store: timestamped key-value|utf8|utf8|
        table-outer: gather, emits everyChange
        foreign-subscription-registration-processor: inner foreignKeyJoin, subscribe
        foreign-subscription-registration-sink: sink of utf8 to ?
        foreign-subscription-registration-source: source of utf8 to ?
        foreign-subscription-receive: inner foreignKeyJoin, keepSubscriptions
            foreign-subscription-store: timestamped key-value|||
        foreign-subscription-join-foreign: inner foreignKeyJoin, answer
            two-store: timestamped key-value|utf8|int64|
        foreign-foreign-join-subscription: inner foreignKeyJoin, notify
            foreign-subscription-store: timestamped key-value|||
        foreign-subscription-response-sink: sink of utf8 to ?
        foreign-subscription-response-source: source of utf8 to ?
        foreign-subscription-response-resolver: inner foreignKeyJoin, resolve
            one-store: timestamped key-value|utf8|utf8|
        foreign-result: table
        foreign-left-subscription-registration-processor: left foreignKeyJoin, subscribe
        foreign-left-subscription-registration-sink: sink of utf8 to ?
        foreign-left-subscription-registration-source: source of utf8 to ?
        foreign-left-subscription-receive: left foreignKeyJoin, keepSubscriptions
            foreign-left-subscription-store: timestamped key-value|||
        foreign-left-subscription-join-foreign: left foreignKeyJoin, answer
            two-store: timestamped key-value|utf8|int64|
        foreign-left-foreign-join-subscription: left foreignKeyJoin, notify
            foreign-left-subscription-store: timestamped key-value|||
        foreign-left-subscription-response-sink: sink of utf8 to ?
        foreign-left-subscription-response-source: source of utf8 to ?
        foreign-left-subscription-response-resolver: left foreignKeyJoin, resolve
            one-store: timestamped key-value|utf8|utf8|
        foreign-left-result: table
        global-rows: timestamped key-value|utf8|int64|
        """
}
