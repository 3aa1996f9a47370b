import Moldau

func closureWithTooManyParameters(_ s: StreamsBuilder) {
    _ = s.stream(orders).mapValues { k, o, x in o.cents }
}
