// Runs a method of a class library for the events that the Runtime API hands out.
//
// Amazon.Lambda.Core comes with the function, in whatever version: all of it is met by its names. The host has been told of
// the function's own dependencies, which are loaded as if they were this program's.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;

namespace LambdaRuntime
{
    static class Program
    {
        static void Main(string[] words)
        {
            var server = new Server();
            var log = new Log();
            log.Takes(AppDomain.CurrentDomain);
            Handler handler = null;
            try
            {
                handler = new Handler(words[0], log);
            }
            catch (Exception error)
            {
                Console.Error.WriteLine(error);
                server.Fail("/init/error", error);
                // Threads of the function's may go on otherwise.
                Environment.Exit(1);
            }
            while (true)
            {
                Handle(server, handler, server.Next(), log);
            }
        }

        static void Handle(Server server, Handler handler, Invocation it, Log log)
        {
            log.RequestId = it.Id;
            Environment.SetEnvironmentVariable("_X_AMZN_TRACE_ID", it.Trace);
            var path = "/invocation/" + it.Id;
            Stream answer;
            try
            {
                answer = handler.Call(it);
            }
            catch (Exception error)
            {
                Console.Error.WriteLine(error);
                server.Fail(path + "/error", error);
                return;
            }
            server.Tell(path + "/response", new StreamContent(answer));
        }
    }

    // An event.
    sealed class Invocation
    {
        internal string Id, Trace, Arn, Client;
        internal DateTimeOffset Deadline;
        internal Stream Body;
    }

    // The Runtime API.
    sealed class Server
    {
        const string Headers = "Lambda-Runtime-";
        // The next event may be long in coming.
        readonly HttpClient http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        readonly string root = $"http://{Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API")}/2018-06-01/runtime";

        internal Invocation Next()
        {
            var got = http.GetAsync(root + "/invocation/next").GetAwaiter().GetResult();
            string Header(string name) => got.Headers.TryGetValues(Headers + name, out var values) ? values.First() : null;
            var deadline = long.Parse(Header("Deadline-Ms"), CultureInfo.InvariantCulture);
            return new Invocation
            {
                Id = Header("Aws-Request-Id"),
                Trace = Header("Trace-Id"),
                Arn = Header("Invoked-Function-Arn"),
                Client = Header("Client-Context"),
                Deadline = DateTimeOffset.FromUnixTimeMilliseconds(deadline),
                Body = got.Content.ReadAsStreamAsync().GetAwaiter().GetResult(),
            };
        }

        internal void Tell(string path, HttpContent content)
        {
            using (content)
            {
                http.PostAsync(root + path, content).GetAwaiter().GetResult().Dispose();
            }
        }

        internal void Fail(string path, Exception error)
        {
            var content = new ByteArrayContent(Problem.Of(error));
            content.Headers.Add("Content-Type", "application/json");
            content.Headers.Add(Headers + "Function-Error-Type", error.GetType().Name);
            Tell(path, content);
        }
    }

    // What went wrong, as invokers are told.
    static class Problem
    {
        const int BytesMax = 256 * 1024;
        const string TooLong = "{\"errorMessage\": \"Exception exceeded maximum payload size of 256KB.\"}";

        internal static byte[] Of(Exception error)
        {
            var bytes = new MemoryStream();
            using (var json = new Utf8JsonWriter(bytes))
            {
                Write(json, error);
            }
            return bytes.Length <= BytesMax ? bytes.ToArray() : Encoding.UTF8.GetBytes(TooLong);
        }

        static void Write(Utf8JsonWriter json, Exception error)
        {
            json.WriteStartObject();
            json.WriteString("errorType", error.GetType().Name);
            json.WriteString("errorMessage", error.Message);
            if (!string.IsNullOrEmpty(error.StackTrace))
            {
                json.WriteStartArray("stackTrace");
                foreach (var line in error.StackTrace.Split('\n').Select(line => line.Trim()).Where(line => line != ""))
                {
                    json.WriteStringValue(line);
                }
                json.WriteEndArray();
            }
            if (error.InnerException != null)
            {
                json.WritePropertyName("cause");
                Write(json, error.InnerException);
            }
            if (error is AggregateException all)
            {
                json.WriteStartArray("causes");
                foreach (var one in all.InnerExceptions)
                {
                    Write(json, one);
                }
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
    }

    // What is wrong with a handler. Invokers see this name.
    sealed class LambdaValidationException : Exception
    {
        internal LambdaValidationException(string message) : base(message) { }
    }

    // `ASSEMBLY::TYPE::METHOD`.
    sealed class Handler
    {
        const BindingFlags Own =
            BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;
        const string Core = "Amazon.Lambda.Core.";
        const string Form = "The valid format is 'ASSEMBLY::TYPE::METHOD'.";

        readonly MethodInfo method;
        readonly object target;
        readonly object serializer;
        readonly Func<Stream, object> read;
        readonly Action<object, Stream> write;
        readonly Type context;
        readonly PropertyInfo result;
        readonly Log log;

        internal Handler(string name, Log log)
        {
            this.log = log;
            var parts = name.Split(new[] { "::" }, 3, StringSplitOptions.None).Select(part => part.Trim()).ToArray();
            if (parts.Length != 3)
            {
                throw Wrong($"Invalid lambda function handler: '{name}'. {Form}");
            }
            foreach (var (part, what) in parts.Zip(new[] { "assembly", "type", "method" }, (part, what) => (part, what)))
            {
                if (part == "")
                {
                    throw Wrong($"Invalid lambda function handler: '{name}', the {what} is missing. {Form}");
                }
            }
            var assembly = Load(parts[0]);
            var type = assembly.GetType(parts[1])
                ?? throw Wrong($"Unable to load type '{parts[1]}' from assembly '{parts[0]}'.");
            method = Find(type, parts[2])
                ?? throw Wrong($"Unable to find method '{parts[2]}' in type '{parts[1]}' from assembly '{parts[0]}': "
                    + $"Found no methods matching method name '{parts[2]}'.");
            Check(type);
            // An instance is made once, and what is static begins now.
            if (method.IsStatic)
            {
                RuntimeHelpers.RunClassConstructor(type.TypeHandle);
            }
            else
            {
                target = Activator.CreateInstance(type);
            }
            serializer = Serializer(assembly);
            (read, context) = Input(parts);
            (write, result) = Output(parts);
        }

        static LambdaValidationException Wrong(string message) => new LambdaValidationException(message);

        static Assembly Load(string name)
        {
            try
            {
                return AssemblyLoadContext.Default.LoadFromAssemblyName(new AssemblyName(name));
            }
            catch (FileNotFoundException why)
            {
                throw Wrong($"Could not find the specified handler assembly with the file name '{why.FileName}'. "
                    + "The assembly should be located in the root of your uploaded .zip file.");
            }
            catch (Exception)
            {
                throw Wrong($"Unable to load assembly '{name}'.");
            }
        }

        static MethodInfo Find(Type type, string name)
        {
            for (var at = type; at != null; at = at.BaseType)
            {
                var found = at.GetMethods(Own).Where(one => one.Name == name).ToList();
                if (found.Count == 1)
                {
                    return found[0];
                }
                if (found.Count > 1)
                {
                    var all = string.Join("\n", found);
                    throw Wrong($"The method '{name}' in type '{at.FullName}' appears to have a number of overloads. To call this "
                        + $"method please specify a complete method signature. Possible candidates are:\n{all}.");
                }
            }
            return null;
        }

        void Check(Type type)
        {
            if (method.IsAbstract)
            {
                throw Wrong($"The method '{method}' cannot be used as a Lambda Handler because it is an abstract method. "
                    + "Handler methods cannot be abstract. Please specify a non-abstract handler method.");
            }
            if (method.IsGenericMethod)
            {
                throw Wrong($"The method '{method}' cannot be used as a Lambda Handler because it is a generic method. "
                    + "Handler methods cannot be generic. Please specify a non-generic handler method.");
            }
            if (method.ReturnType == typeof(void) && method.IsDefined(typeof(AsyncStateMachineAttribute)))
            {
                throw Wrong($"The method '{method}' cannot be used as a Lambda Handler because it is an 'async void' method. "
                    + "Handler methods cannot be 'async void'. Please specify a method that is not 'async void'.");
            }
            if (method.GetParameters().LastOrDefault()?.IsDefined(typeof(ParamArrayAttribute)) == true)
            {
                throw Wrong($"The method '{method}' cannot be used as a Lambda Handler because it is a 'params' method. "
                    + "Please specify a method that does not use 'params'.");
            }
            if (type.IsGenericType)
            {
                throw Wrong($"The type '{type.FullName}' cannot be used as a Lambda Handler type because it is generic. "
                    + "Handler methods cannot be located in generic types. Please specify a handler method in a non-generic type.");
            }
            if (!method.IsStatic && type.IsAbstract)
            {
                throw Wrong($"The instance method '{method}' cannot be used as a Lambda Handler because its type '{type.FullName}' "
                    + "is abstract. Please either use a static handler or specify a type that is not abstract.");
            }
        }

        // The one that the method names, else its assembly; null where neither does.
        object Serializer(Assembly assembly)
        {
            bool Names(Attribute one) => one.GetType().FullName == Core + "LambdaSerializerAttribute";
            var attribute = method.GetCustomAttributes().SingleOrDefault(Names)
                ?? assembly.GetCustomAttributes().SingleOrDefault(Names);
            if (attribute == null)
            {
                return null;
            }
            var type = attribute.GetType().GetProperty("SerializerType")?.GetValue(attribute) as Type
                ?? throw Wrong($"The 'SerializerType' property on attribute class '{attribute.GetType().FullName}' is not set.");
            var made = type.GetConstructor(Type.EmptyTypes)
                ?? throw Wrong($"The indicated serializer '{type.FullName}' does not define a public zero-parameter constructor.");
            if (type.GetInterface(Core + "ILambdaSerializer") == null)
            {
                throw Wrong($"The '{type.FullName}' class is invalid: it does not implement the 'ILambdaSerializer' interface.");
            }
            return made.Invoke(null);
        }

        // A method of the serializer's, for a type.
        MethodInfo Serializing(string name, Type type, string doing, string[] parts)
        {
            if (serializer == null)
            {
                throw Wrong("Could not find the LambdaSerializerAttribute on the assembly "
                    + $"'{parts[0]}' or method '{method.Name}' while attempting to {doing} data of type '{type.FullName}'. To use "
                    + "types other than System.IO.Stream as input/output parameters, the assembly or Lambda function should be "
                    + $"annotated with {Core}LambdaSerializerAttribute.");
            }
            return serializer.GetType().GetInterface(Core + "ILambdaSerializer").GetMethod(name).MakeGenericMethod(type);
        }

        static bool IsContext(Type type) => type.FullName == Core + "ILambdaContext";

        // How an event becomes the first argument, and what is asked about it by the last one.
        (Func<Stream, object>, Type) Input(string[] parts)
        {
            var types = method.GetParameters().Select(one => one.ParameterType).ToArray();
            if (types.Length > 2)
            {
                throw Wrong($"Method '{method.Name}' of type '{parts[1]}' is not supported: the method has more than 2 parameters.");
            }
            if (types.Length == 2 && !IsContext(types[1]))
            {
                throw Wrong($"Method '{method.Name}' of type '{parts[1]}' is not supported: the method has 2 parameters, but the "
                    + $"second parameter is not of type '{Core}ILambdaContext'.");
            }
            var last = types.LastOrDefault(IsContext);
            var first = types.FirstOrDefault();
            if (first == null || IsContext(first))
            {
                return (null, last);
            }
            if (first == typeof(Stream))
            {
                return (body => body, last);
            }
            var deserialize = Serializing("Deserialize", first, "deserialize input", parts);
            return (body => Call(deserialize, serializer, body), last);
        }

        // How what the method gives becomes an answer, and where that is once a task is done.
        (Action<object, Stream>, PropertyInfo) Output(string[] parts)
        {
            var type = method.ReturnType;
            PropertyInfo done = null;
            for (var at = type; at != null; at = at.BaseType)
            {
                if (at.IsConstructedGenericType && at.GetGenericTypeDefinition() == typeof(Task<>))
                {
                    done = at.GetProperty("Result");
                    type = done.PropertyType;
                    break;
                }
            }
            if (type == typeof(void) || (done == null && typeof(Task).IsAssignableFrom(type)))
            {
                return (null, null);
            }
            if (typeof(Stream).IsAssignableFrom(type))
            {
                return ((value, answer) => (value as Stream)?.CopyTo(answer), done);
            }
            var serialize = Serializing("Serialize", type, "serialize output", parts);
            return ((value, answer) => Call(serialize, serializer, value, answer), done);
        }

        static object Call(MethodInfo method, object target, params object[] words) =>
            method.Invoke(target, BindingFlags.DoNotWrapExceptions, null, words, null);

        internal Stream Call(Invocation it)
        {
            var words = new List<object>();
            if (read != null)
            {
                words.Add(read(it.Body));
            }
            if (context != null)
            {
                words.Add(Context.Of(context, it, log, serializer));
            }
            var value = Call(method, target, words.ToArray());
            if (value is Task task && typeof(Task).IsAssignableFrom(method.ReturnType))
            {
                task.GetAwaiter().GetResult();
                value = result?.GetValue(task);
            }
            var answer = new MemoryStream();
            write?.Invoke(value, answer);
            // Serializers may have closed what they wrote to.
            return new MemoryStream(answer.ToArray());
        }
    }

    // Stands for an interface of the function's own.
    public class Stand : DispatchProxy
    {
        static readonly MethodInfo Make = typeof(DispatchProxy).GetMethods().Single(one => one.Name == "Create" && one.IsGenericMethod);
        Func<MethodInfo, object[], object> answers;

        internal static object For(Type face, Func<MethodInfo, object[], object> answers)
        {
            var made = Make.MakeGenericMethod(face, typeof(Stand)).Invoke(null, null);
            ((Stand)made).answers = answers;
            return made;
        }

        protected override object Invoke(MethodInfo method, object[] words)
        {
            var answer = answers(method, words);
            var type = method.ReturnType;
            // What a later version of the interface asks is not known here.
            return answer ?? (type.IsValueType && type != typeof(void) ? Activator.CreateInstance(type) : null);
        }
    }

    // What a handler may ask about the invocation.
    static class Context
    {
        static string Variable(string name) => Environment.GetEnvironmentVariable(name);

        internal static object Of(Type face, Invocation it, Log log, object serializer) => Stand.For(face, (method, _) =>
        {
            switch (method.Name)
            {
                case "get_AwsRequestId": return it.Id;
                case "get_TraceId": return it.Trace;
                case "get_InvokedFunctionArn": return it.Arn;
                case "get_FunctionName": return Variable("AWS_LAMBDA_FUNCTION_NAME");
                case "get_FunctionVersion": return Variable("AWS_LAMBDA_FUNCTION_VERSION");
                case "get_LogGroupName": return Variable("AWS_LAMBDA_LOG_GROUP_NAME");
                case "get_LogStreamName": return Variable("AWS_LAMBDA_LOG_STREAM_NAME");
                case "get_MemoryLimitInMB":
                    return int.Parse(Variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), CultureInfo.InvariantCulture);
                case "get_RemainingTime": return it.Deadline - DateTimeOffset.UtcNow;
                case "get_Serializer": return serializer;
                case "get_Logger": return Stand.For(method.ReturnType, log.Called);
                case "get_ClientContext": return Client(method.ReturnType, it.Client);
                // Nobody calls in the name of an identity of Cognito.
                case "get_Identity": return Stand.For(method.ReturnType, (inner, words) => null);
                default: return null;
            }
        });

        static object Client(Type face, string said)
        {
            if (string.IsNullOrWhiteSpace(said))
            {
                return null;
            }
            var told = JsonDocument.Parse(said).RootElement;
            return Stand.For(face, (method, _) =>
            {
                switch (method.Name)
                {
                    case "get_Environment": return Pairs(told, "env");
                    case "get_Custom": return Pairs(told, "custom");
                    case "get_Client":
                        var client = Pairs(told, "client");
                        return Stand.For(method.ReturnType, (inner, words) =>
                            client.TryGetValue(Snake(inner.Name.Substring("get_".Length)), out var value) ? value : null);
                    default: return null;
                }
            });
        }

        static Dictionary<string, string> Pairs(JsonElement of, string name)
        {
            var pairs = new Dictionary<string, string>();
            if (of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var inner) && inner.ValueKind == JsonValueKind.Object)
            {
                foreach (var pair in inner.EnumerateObject())
                {
                    pairs[pair.Name] = pair.Value.ToString();
                }
            }
            return pairs;
        }

        // `AppTitle` is `app_title` there.
        static string Snake(string name) => Regex.Replace(name, "(?<!^)[A-Z]", "_$0").ToLowerInvariant();
    }

    // All that the function says, a line at a time with the time, the request and how serious it is.
    sealed class Log
    {
        static readonly string[] Levels = { "Trace", "Debug", "Information", "Warning", "Error", "Critical" };
        static readonly string[] Labels = { "trce", "dbug", "info", "warn", "fail", "crit" };
        static readonly string[] Named = { "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL" };
        static readonly Regex Property = new Regex(@"\{(@?)(\w+)(?::([^{}]*))?\}", RegexOptions.CultureInvariant);

        readonly TextWriter pipe = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
        readonly bool inJson = Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_FORMAT") == "JSON";
        readonly bool isBare =
            "Unformatted".Equals(Environment.GetEnvironmentVariable("AWS_LAMBDA_HANDLER_LOG_FORMAT"), StringComparison.OrdinalIgnoreCase);
        readonly int least = Least();
        volatile string requestId = "";

        internal Log()
        {
            Console.SetOut(new Writer(this, "Information"));
            Console.SetError(new Writer(this, "Error"));
        }

        internal string RequestId { set => requestId = value; }

        static int Level(string name)
        {
            bool Is(string one) => one.Equals(name, StringComparison.OrdinalIgnoreCase);
            var level = Array.FindIndex(Levels, Is);
            return level >= 0 ? level : Array.FindIndex(Named, Is);
        }

        static int Least()
        {
            var named = new[] { "AWS_LAMBDA_HANDLER_LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL" };
            var levels = named.Select(name => Level(Environment.GetEnvironmentVariable(name))).Where(level => level >= 0);
            return levels.DefaultIfEmpty(Array.IndexOf(Levels, "Information")).First();
        }

        // Whatever Amazon.Lambda.Core says by itself comes here, too.
        internal void Takes(AppDomain domain) => domain.AssemblyLoad += (_, loaded) =>
        {
            if (loaded.LoadedAssembly.GetName().Name != "Amazon.Lambda.Core")
            {
                return;
            }
            var logger = loaded.LoadedAssembly.GetType("Amazon.Lambda.Core.LambdaLogger");
            void Set(string name, Delegate value)
            {
                var field = logger?.GetField(name, BindingFlags.NonPublic | BindingFlags.Static);
                if (field?.FieldType.IsInstanceOfType(value) == true)
                {
                    field.SetValue(null, value);
                }
            }
            Set("_loggingAction", new Action<string>(text => Write(null, null, text)));
            Set("_loggingWithLevelAction", new Action<string, string, object[]>((level, text, words) => Write(level, null, text, words)));
            Set("_loggingWithLevelAndExceptionAction",
                new Action<string, Exception, string, object[]>((level, error, text, words) => Write(level, error, text, words)));
        };

        // A method of ILambdaLogger: its name or its first argument is the level, then an error may come, a text and what is put into it.
        internal object Called(MethodInfo method, object[] words)
        {
            var left = new Queue<object>(words);
            var level = method.Name == "LogLine" ? "" : method.Name.Substring("Log".Length);
            if (level == "" && left.Count > 1)
            {
                level = left.Dequeue()?.ToString();
            }
            var error = left.Peek() is Exception ? (Exception)left.Dequeue() : null;
            var text = left.Dequeue() as string;
            Write(level == "" ? "Information" : level, error, text, left.Count > 0 ? left.Dequeue() as object[] : null);
            return null;
        }

        internal void Write(string level, Exception error, string text, object[] words = null)
        {
            var rank = Level(level);
            if (rank >= 0 && rank < least)
            {
                return;
            }
            var stamp = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
            var properties = new List<(string, object)>();
            text = words?.Length > 0 ? Put(text ?? "", words, properties) : text ?? "";
            string line;
            if (inJson)
            {
                line = Json(stamp, rank >= 0 ? Levels[rank] : level ?? "Information", error, text, properties);
            }
            else
            {
                text = error == null ? text : text + "\n" + error;
                var label = rank >= 0 ? Labels[rank] : level;
                var told = string.IsNullOrEmpty(label) ? "" : label + "\t";
                line = isBare ? text : $"{stamp}\t{requestId}\t{told}{text}";
            }
            // A carriage return keeps what belongs together in one event of the log.
            Raw(line.Replace("\r\n", "\n").Replace('\n', '\r') + "\n");
        }

        internal void Raw(string text)
        {
            lock (pipe)
            {
                pipe.Write(text);
            }
        }

        // Puts values into a text, by their numbers or in their order.
        static string Put(string text, object[] words, List<(string, object)> properties)
        {
            var at = 0;
            return Property.Replace(text, found =>
            {
                var name = found.Groups[2].Value;
                var index = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : at++;
                if (index >= words.Length)
                {
                    return found.Value;
                }
                var value = words[index];
                if (found.Groups[1].Value == "@")
                {
                    value = JsonSerializer.Serialize(value);
                }
                properties.Add((name, value));
                var form = found.Groups[3].Value;
                return value is IFormattable formed ? formed.ToString(form == "" ? null : form, CultureInfo.InvariantCulture) : value?.ToString();
            });
        }

        string Json(string stamp, string level, Exception error, string text, List<(string, object)> properties)
        {
            var bytes = new MemoryStream();
            using (var json = new Utf8JsonWriter(bytes))
            {
                json.WriteStartObject();
                json.WriteString("timestamp", stamp);
                json.WriteString("level", level);
                if (requestId != "")
                {
                    json.WriteString("requestId", requestId);
                }
                json.WriteString("message", text);
                foreach (var (name, value) in properties.Where(property => property.Item2 != null))
                {
                    json.WritePropertyName(name);
                    Value(json, value);
                }
                if (error != null)
                {
                    json.WriteString("errorType", error.GetType().FullName);
                    json.WriteString("errorMessage", error.Message);
                    json.WriteStartArray("stackTrace");
                    foreach (var line in error.ToString().Split('\n'))
                    {
                        json.WriteStringValue(line.Trim());
                    }
                    json.WriteEndArray();
                }
                json.WriteEndObject();
            }
            return Encoding.UTF8.GetString(bytes.ToArray());
        }

        static void Value(Utf8JsonWriter json, object value)
        {
            switch (value)
            {
                case bool flag: json.WriteBooleanValue(flag); break;
                case sbyte _: case byte _: case short _: case ushort _: case int _: case uint _: case long _:
                    json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                    break;
                case double number when !double.IsNaN(number) && !double.IsInfinity(number): json.WriteNumberValue(number); break;
                case decimal number: json.WriteNumberValue(number); break;
                default: json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture)); break;
            }
        }

        // What the console's lines are written by. What is no line goes its way as it is.
        sealed class Writer : TextWriter
        {
            readonly Log log;
            readonly string level;

            internal Writer(Log log, string level) : base(CultureInfo.InvariantCulture) => (this.log, this.level) = (log, level);

            public override Encoding Encoding => Encoding.UTF8;

            void Line(string text) => log.Write(level, null, text);

            public override void Write(char one) => log.Raw(one.ToString());
            public override void Write(string text) => log.Raw(text ?? "");
            public override void Write(char[] all, int from, int count) => log.Raw(new string(all, from, count));
            public override void WriteLine() => Line("");
            public override void WriteLine(string text) => Line(text);
            public override void WriteLine(object value) => Line(value?.ToString());
            public override void WriteLine(char value) => Line(value.ToString());
            public override void WriteLine(char[] all) => Line(all == null ? "" : new string(all));
            public override void WriteLine(char[] all, int from, int count) => Line(new string(all, from, count));
            public override void WriteLine(bool value) => Line(value.ToString());
            public override void WriteLine(int value) => Line(value.ToString(FormatProvider));
            public override void WriteLine(uint value) => Line(value.ToString(FormatProvider));
            public override void WriteLine(long value) => Line(value.ToString(FormatProvider));
            public override void WriteLine(ulong value) => Line(value.ToString(FormatProvider));
            public override void WriteLine(float value) => Line(value.ToString(FormatProvider));
            public override void WriteLine(double value) => Line(value.ToString(FormatProvider));
            public override void WriteLine(decimal value) => Line(value.ToString(FormatProvider));
            public override void WriteLine(string form, object one) => Line(string.Format(FormatProvider, form, one));
            public override void WriteLine(string form, object one, object two) => Line(string.Format(FormatProvider, form, one, two));
            public override void WriteLine(string form, object one, object two, object three) =>
                Line(string.Format(FormatProvider, form, one, two, three));
            public override void WriteLine(string form, params object[] all) => Line(string.Format(FormatProvider, form, all));
            public override Task WriteLineAsync(string text)
            {
                Line(text);
                return Task.CompletedTask;
            }
        }
    }
}
