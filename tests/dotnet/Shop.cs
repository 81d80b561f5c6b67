// A class library with handlers of every form.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Lambda.Core;

[assembly: LambdaSerializer(typeof(Shop.Json))]

namespace Shop
{
    public class Json : ILambdaSerializer
    {
        public T Deserialize<T>(Stream stream) => JsonSerializer.DeserializeAsync<T>(stream).AsTask().Result;

        public virtual void Serialize<T>(T value, Stream stream)
        {
            using (var json = new Utf8JsonWriter(stream))
            {
                JsonSerializer.Serialize(json, value);
            }
        }
    }

    public class Loud : Json
    {
        public override void Serialize<T>(T value, Stream stream)
        {
            // It closes what it writes to, as some do.
            using (var writer = new StreamWriter(stream))
            {
                writer.Write($"\"{value.ToString().ToUpperInvariant()}\"");
            }
        }
    }

    public class Order
    {
        public string Item { get; set; }
        public int Count { get; set; }
    }

    public class RefusedException : Exception
    {
        public RefusedException(string message, Exception inner) : base(message, inner) { }
    }

    public class Desk
    {
        static int runs;
        readonly string made = Guid.NewGuid().ToString();

        public Dictionary<string, object> Serve(Order order, ILambdaContext context)
        {
            var client = context.ClientContext;
            return new Dictionary<string, object>
            {
                ["item"] = order.Item,
                ["runs"] = ++runs,
                ["made"] = made,
                ["id"] = context.AwsRequestId,
                ["name"] = context.FunctionName,
                ["version"] = context.FunctionVersion,
                ["arn"] = context.InvokedFunctionArn,
                ["group"] = context.LogGroupName,
                ["stream"] = context.LogStreamName,
                ["memory"] = context.MemoryLimitInMB,
                ["left"] = (int)context.RemainingTime.TotalMilliseconds,
                ["trace"] = context.TraceId,
                ["root"] = Environment.GetEnvironmentVariable("_X_AMZN_TRACE_ID"),
                ["identity"] = context.Identity.IdentityId,
                ["custom"] = client?.Custom["who"],
                ["title"] = client?.Client.AppTitle,
                ["execution"] = Environment.GetEnvironmentVariable("AWS_EXECUTION_ENV"),
                ["others"] = Directory.GetDirectories("/var/lang/bin/shared/Microsoft.NETCore.App").Select(Path.GetFileName),
            };
        }

        public Stream Echo(Stream stream) => stream;

        public async Task<Order> Later(Order order)
        {
            await Task.Delay(5);
            return new Order { Item = order.Item + "!", Count = order.Count + 1 };
        }

        public static int Length(string text) => text.Length;

        [LambdaSerializer(typeof(Loud))]
        public string Shout(string text) => text;

        public void Nothing(ILambdaContext context) => context.Logger.LogLine("nothing to say");

        public async Task Waits() => await Task.Delay(5);

        public Order Fails(Order order)
        {
            try
            {
                throw new InvalidOperationException("inside");
            }
            catch (Exception why)
            {
                throw new RefusedException("told to", why);
            }
        }

        public async Task<Order> FailsLater(Order order)
        {
            await Task.Delay(5);
            throw new AggregateException(new ArgumentException("one"), new ArgumentException("two"));
        }

        public void Logs(Order order, ILambdaContext context)
        {
            Console.WriteLine("by the {0}", "console");
            Console.Error.WriteLine("by the console's other half");
            LambdaLogger.Log("by the library");
            context.Logger.LogDebug("too little");
            context.Logger.LogInformation("{Item} is sold {count} times", order.Item, order.Count);
            context.Logger.LogWarning("two\nlines");
            context.Logger.LogError(new ArgumentException("odd"), "failed");
        }

        public void Sleeps() => Thread.Sleep(Timeout.Infinite);

        public void Exits() => Environment.Exit(3);

        public void Twice(string text) => Console.WriteLine("text");

        public void Twice(int number) => Console.WriteLine("number");

        public async void Lost() => await Task.Delay(5);

        public void Many(string one, string two, string three) => Console.WriteLine(one + two + three);

        public void Second(string one, string two) => Console.WriteLine(one + two);
    }

    public class Unmade
    {
        public Unmade() => throw new InvalidOperationException("not today");

        public void Serve() => Console.WriteLine("served");
    }
}
