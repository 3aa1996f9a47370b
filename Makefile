# make run     counts the words in this repository's text files
# make demo    runs an application on generated data, with its console for a browser at PORT of this machine
# make test    builds with warnings as errors, and runs all tests except those below
# make test-protobuf  tests the Protocol Buffers serdes, which no other target builds
# make test-clients  runs kcat and the Python clients against a broker (installs them from Debian and PyPI)
# make agree   runs SEEDS random topologies, from the seed FROM on, under different options and over the wire; all must
#              give the same results. If AGREE_SERVERS is set, runs over the wire use those brokers, whose topics of the
#              same names are deleted
# make conformance  runs the topologies recorded from Kafka Streams as applications on a cluster: on our own server or,
#              if CONFORMANCE_SERVERS is set, on those brokers, whose topics of the same names are deleted
# make damage  changes each byte of a segment of 1 MiB, of the files beside it and of the journal, and checks that the
#              change is detected; truncates the last 4,096 bytes one by one (takes some minutes)
# make crash   kills programs KILLS times, and simulates power cuts CUTS times (needs root and loop devices)
# make crash-wire  kills a broker KILLS times under kafka-python and confluent-kafka, and checks every record
# make crash-cluster  kills processes of applications on a cluster, and their broker, KILLS times, and checks that every
#              record counts once and that no money is lost. If CLUSTER_SERVERS is set, uses those brokers, whose topics
#              of the same names are deleted
# make client-faults  runs producers and transactions of MoldauClient over a network with faults: SEEDS runs, from the
#              seed FROM on
# make bench-client  measures MoldauClient's producer and consumer over loopback, with FLAGS (see the tool's --help)
# make hostile  runs hostile clients against a broker, and prints its memory and the effect on honest clients
# make bench-restore  rebuilds a lost store of RECORDS keys, and prints how fast
# make restart  kills an application with MEBIBYTES of state, and prints how long it takes to recover
# make page    uses the console's page in Chromium as a person would, on generated data, or on the application whose
#              console is at URL; with FLAGS. Needs Debian's chromium and chromium-driver, and PyPI's selenium
# make page-demo  the same on the demo, which it restarts meanwhile
# make screenshots  the same, and takes the screenshots of the documentation: Docs/Images
# make bench-console  measures look-ups and event streams of a console over HTTP, with FLAGS (see the tool's --help);
#              needs Debian's wrk
# make query-history  queries an application for SECONDS while threads are added, removed and fail, and it is restarted;
#              compares the answers with its changelog
# make fuzz    feeds random bytes to TARGET (batches, segment, index, snapshot, journal, records, append, compressed,
#              repair, messages, requests or values) for SECONDS
# make sanitize  runs the tests under the address sanitizer, then under the thread sanitizer, passing FLAGS to swift test;
#              fails if a test fails or a sanitizer reports anything, in a test or in a program that a test starts
# make costs   prints the cost of decoding and encoding a record, by serde
# make bench   measures WORKLOAD (w1, w2 or w3) on the inputs in INPUT, with FLAGS; see Docs/Performance.md
# make bench-wire  measures producing and fetching over loopback, with FLAGS (see the tool's --help)
# make bench-check  counts the instructions and allocations of single steps, and compares them with thresholds
#              (valgrind)
# make simulate  simulates an application, its broker and its disk with faults: SEEDS runs, from the seed FROM on; with
#              PLANT=all plants deliberate mistakes, and prints which seed finds each
# make check-metrics  runs an application, and reads its metrics with Prometheus' own parser (installed from PyPI)
# make docs    builds the documentation of the libraries, with warnings as errors
# make examples  turns the examples of the documentation into tests
# make interface  writes the public interface of the libraries to Tests/ProjectTests/PublicInterface.txt
# make format  formats the Swift files
# make lint    prints what `make format` would change, imports that break the layers or are not declared, and
#              violations of the style rules

SWIFT ?= swift
SOURCES = Package.swift Sources Tests Examples
TEXTS = find . -name '.?*' -prune -o -type f \( -name '*.md' -o -name '*.swift' -o -name '*.py' -o -name '*.c' \
	-o -name '*.h' -o -name Makefile -o -name LICENSE \) -print0

# Builds and fetches only what word-count needs; keeps what was already fetched for other programs.
ONLY = MOLDAU_CONSOLE=0 $(if $(wildcard .build/checkouts/swift-nio),,MOLDAU_ONLY=word-count)

PORT ?= 8080
SEEDS ?= 300
FROM ?= 1
KILLS ?= 20
CUTS ?= 20
RECORDS ?= 1000000
MEBIBYTES ?= 1024
SECONDS ?= 60

.PHONY: run demo test test-protobuf test-clients page page-demo screenshots bench-console agree conformance damage crash crash-wire crash-cluster client-faults bench-client hostile bench-restore restart fuzz sanitize costs bench bench-wire bench-check check-metrics simulate query-history docs interface examples \
	format lint rocksdb

run: rocksdb
	@echo "building word-count (release; a few minutes the first time) …"
	@$(ONLY) $(SWIFT) build --quiet -c release --product word-count
	@$(TEXTS) | xargs -0 "$$($(ONLY) $(SWIFT) build -c release --show-bin-path)/word-count" --top 20

demo: rocksdb
	@echo "building demo (release; a few minutes the first time) …"
	@$(SWIFT) build --quiet -c release --product demo
	@"$$($(SWIFT) build -c release --show-bin-path)/demo" --console $(PORT)

test: rocksdb
	MOLDAU_STRICT=1 Tests/Tools/run_tests.py

test-protobuf:
	$(SWIFT) test --quiet --package-path Tests/Protobuf

test-clients:
	Tests/Clients/run

page:
	python3 Tests/Page/check.py $(if $(URL),--url $(URL)) $(FLAGS)

page-demo: rocksdb
	@$(SWIFT) build --quiet -c release --product demo
	python3 Tests/Page/check.py --program "$$($(SWIFT) build -c release --show-bin-path)/demo" $(FLAGS)

screenshots:
	@$(MAKE) page-demo FLAGS="--screenshots Docs/Images $(FLAGS)"

# State is written and read back many times: in memory, if the system has /dev/shm.
agree: rocksdb
	$(if $(wildcard /dev/shm),TMPDIR=/dev/shm) AGREE_FROM=$(FROM) AGREE_SEEDS=$(SEEDS) \
		$(SWIFT) test --filter AgreementTests

conformance: rocksdb
	CONFORMANCE_CLUSTER=all $(SWIFT) test --filter ClusterConformanceTests

damage:
	MOLDAU_SABOTAGE=1 DAMAGE_BYTES=$${BYTES:-1048576} $(SWIFT) test --quiet -c release -Xswiftc -enable-testing --scratch-path .build-release \
		--filter 'DamageTests|JournalTests'

crash: rocksdb
	$(SWIFT) build --quiet -c release --product word-count
	$(SWIFT) build --quiet -c release --product bank-transfer
	$(SWIFT) build --quiet -c release --product crash-writer
	python3 Tests/Tools/kill_word_count.py --kills $(KILLS)
	python3 Tests/Tools/kill_word_count.py --kills $(KILLS) --guarantee exactly-once
	python3 Tests/Tools/kill_bank_transfer.py --kills $(KILLS)
	python3 Tests/Tools/power_cut.py --cuts $(CUTS)

crash-wire: rocksdb
	python3 Tests/Tools/kill_wire.py --kills $(KILLS) $(FLAGS)

crash-cluster: rocksdb
	CLUSTER_KILLS=$(KILLS) MOLDAU_TESTS=MoldauClusterKafkaTests $(SWIFT) test --no-parallel --filter MoldauClusterKafkaTests

client-faults:
	MOLDAU_TESTS=MoldauClientTests CLIENT_FAULT_FROM=$(FROM) CLIENT_FAULT_SEEDS=$(SEEDS) $(SWIFT) test --filter FaultTests

bench-client: rocksdb
	@python3 Tests/Tools/bench_client.py $(FLAGS)

bench-console: rocksdb
	@python3 Tests/Tools/bench_console.py $(FLAGS)

hostile: rocksdb
	python3 Tests/Tools/hostile.py $(FLAGS)

bench-restore: rocksdb
	@$(SWIFT) build --quiet -c release --product recovery
	@"$$($(SWIFT) build -c release --show-bin-path)/recovery" restore --records $(RECORDS) $(FLAGS)

restart: rocksdb
	@$(SWIFT) build --quiet -c release --product recovery
	python3 Tests/Tools/kill_large_state.py --mebibytes $(MEBIBYTES) $(FLAGS)

query-history: rocksdb
	QUERY_SECONDS=$(SECONDS) $(SWIFT) test --filter QueryHistoryTests

fuzz:
	@Tests/Fuzz/fuzz $(TARGET) $(SECONDS)

# Sanitizer builds have directories of their own, and run at low priority.
sanitize: rocksdb
	nice -n 10 Tests/Sanitize/sanitize address $(FLAGS)
	nice -n 10 Tests/Sanitize/sanitize thread $(FLAGS)

costs:
	@$(SWIFT) run --quiet -c release --traits Protobuf --scratch-path .build-protobuf serde-costs

bench: rocksdb
	@$(SWIFT) build --quiet -c release --product bench
	@"$$($(SWIFT) build -c release --show-bin-path)/bench" $(or $(WORKLOAD),w1) --input $(INPUT) $(FLAGS)

bench-wire: rocksdb
	@python3 Tests/Tools/bench_wire.py $(FLAGS)

bench-check: rocksdb
	@$(SWIFT) build --quiet -c release --product step-costs
	@python3 Tests/Tools/check_costs.py "$$($(SWIFT) build -c release --show-bin-path)/step-costs" $(FLAGS)

check-metrics: rocksdb
	@python3 Tests/Tools/check_prometheus.py

# A release build has deliberate mistakes only if PLANT asks for one; such builds have a directory of their own.
simulate: rocksdb
	@$(if $(PLANT),MOLDAU_SABOTAGE=1) $(SWIFT) run --quiet -c release $(if $(PLANT),--scratch-path .build-sabotage) \
		simulate --from $(FROM) --seeds $(SEEDS) $(if $(PLANT),--plant $(PLANT))

docs: rocksdb
	@MOLDAU_DOCS=1 $(SWIFT) package --scratch-path .build-docs --traits Protobuf generate-documentation \
		--warnings-as-errors --enable-experimental-combined-documentation \
		$$(python3 Tests/Tools/public_interface.py . --modules | sed 's/^/--target /') --target MoldauProtobuf

examples:
	python3 Tests/Tools/extract_examples.py .

interface: rocksdb
	@$(SWIFT) build --quiet
	python3 Tests/Tools/public_interface.py .

format:
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

lint:
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)
	python3 Tests/Tools/check_dependencies.py
	python3 Tests/Tools/tidy.py

rocksdb:
	@sh .ci/install-rocksdb
